"""Progress for people: a live line on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text


class Progress:
    """Say on stderr what a run is doing; stdout stays free for results."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._status: Status | None = None
        self._title, self._title_shown = "", Text()
        self._place: tuple[int, int] | None = None
        self._begun = self._since = time.monotonic()

    def place(self, number: int, total: int) -> None:
        """Announce which of how many jobs starts next; shown with the seconds so far."""
        self._place = number, total

    def start(self, title: str) -> None:
        """Begin a job."""
        self._title, self._since = title, time.monotonic()
        place = ""
        if self._place is not None:
            number, total = self._place
            place = f" ({number} of {total}, {self._since - self._begun:.0f} s so far)"
            self._place = None
        if self._console.is_terminal:
            self._title_shown = Text.assemble((title, "bold"), place)
            self._status = self._console.status(self._title_shown)
            self._status.start()
        else:
            self._console.print(Text(f"{title}: started{place}"))

    def step(self, text: str) -> None:
        """Go on to the next step of the job."""
        if self._status is not None:
            self._status.update(Text.assemble(self._title_shown, f"  {text}"))
        else:
            self._console.print(Text(f"{self._title}: {text} ({self._elapsed():.1f} s)"))

    def warn(self, lines: Iterable[str]) -> None:
        """Print what the operator should look at, a line each."""
        for line in lines:
            self._console.print(Text(f"warning: {line}"))

    def done(self, outcome: str, summary: Mapping[str, int | float | str]) -> None:
        """End the job with its short table."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        ended = f": {outcome} in {self._elapsed():.1f} s"
        self._console.print(Text.assemble((self._title, "bold"), ended))
        table = Table(show_header=False, box=None, padding=(0, 2))
        table.add_column(justify="left")
        table.add_column(justify="right")
        for name, value in summary.items():
            # names and values come from data, too: what stands in brackets there is no markup
            table.add_row(Text(name), Text(_shown(value)))
        if summary:
            self._console.print(table)
        sys.stderr.flush()

    def _elapsed(self) -> float:
        return time.monotonic() - self._since


def _shown(value: int | float | str) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else value
