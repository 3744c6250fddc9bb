"""Progress for people: a live line on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Mapping

from rich.console import Console
from rich.status import Status
from rich.table import Table


class Progress:
    """Tells on stderr what a run is doing; stdout stays free for results."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._status: Status | None = None
        self._title = ""
        self._since = time.monotonic()

    def start(self, title: str) -> None:
        """A job begins."""
        self._title, self._since = title, time.monotonic()
        if self._console.is_terminal:
            self._status = self._console.status(f"[bold]{title}[/bold]")
            self._status.start()
        else:
            self._console.print(f"{title}: started")

    def step(self, text: str) -> None:
        """The job goes on to its next step."""
        if self._status is not None:
            self._status.update(f"[bold]{self._title}[/bold]  {text}")
        else:
            self._console.print(f"{self._title}: {text} ({self._elapsed():.1f} s)")

    def done(self, outcome: str, summary: Mapping[str, int | float | str]) -> None:
        """The job has ended; its short table."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        self._console.print(f"[bold]{self._title}[/bold]: {outcome} in {self._elapsed():.1f} s")
        table = Table(show_header=False, box=None, padding=(0, 2))
        table.add_column(justify="left")
        table.add_column(justify="right")
        for name, value in summary.items():
            table.add_row(name, _shown(value))
        if summary:
            self._console.print(table)
        sys.stderr.flush()

    def _elapsed(self) -> float:
        return time.monotonic() - self._since


def _shown(value: int | float | str) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else value
