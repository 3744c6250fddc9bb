"""Progress for people: a live line on a terminal, plain lines in a log; never long in silence."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from databank.terminal import one_line, printable

SILENT_SECONDS = 10.0  # after which a log gets a line, whatever the job is busy with


class Progress:
    """Say on stderr what a run is doing; stdout stays free for results.

    At the end of a `with` block, also of one that fails, nothing more is said of what goes on.

    Args:
        quiet: Say nothing.
        silent_seconds: After how long a log gets a line of what is still going on.
    """

    def __init__(self, *, quiet: bool = False, silent_seconds: float = SILENT_SECONDS) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, markup=False)
        self._quiet, self._silent_seconds = quiet, silent_seconds
        self._status: Status | None = None
        self._heart: _Heart | None = None
        self._title = self._step = ""
        self._part = Text()
        self._place: tuple[int, int] | None = None
        self._rows: Callable[[], int] = _none
        self._begun = self._since = time.monotonic()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def count(self, rows: Callable[[], int]) -> None:
        """Show from now on to the end of the job how many rows it has written."""
        self._rows = rows

    def place(self, number: int, total: int) -> None:
        """Announce which of how many jobs starts next; shown with the seconds so far."""
        self._place = number, total

    def start(self, title: str) -> None:
        """Begin a job."""
        self.stop()
        self._title, self._step, self._since = one_line(title), "", time.monotonic()
        self._rows = _none
        place = ""
        if self._place is not None:
            number, total = self._place
            place = f" ({number} of {total}, {self._since - self._begun:.0f} s so far)"
            self._place = None
        self._part = Text.assemble((self._title, "bold"), place)
        if self._quiet:
            return
        if self._console.is_terminal:
            self._status = self._console.status(_Line(self))
            self._status.start()
        else:
            self._say(f"{self._title}: started{place}")
            self._heart = _Heart(self._beat, self._silent_seconds)

    def step(self, text: str) -> None:
        """Go on to the next step of the job."""
        self._step = one_line(text)
        if self._status is None:
            self._say(f"{self._title}: {self._step} ({self._elapsed():.1f} s)")

    def warn(self, lines: Iterable[str]) -> None:
        """Print what the operator should look at, a line each."""
        for line in lines:
            self._say(f"warning: {one_line(line)}")

    def done(self, outcome: str, summary: Mapping[str, int | float | str]) -> None:
        """End the job with its short table, and how many rows it wrote."""
        self.stop()
        ended = f": {one_line(outcome)} in {self._elapsed():.1f} s{self._written}"
        self._console.print(Text.assemble((self._title, "bold"), ended), soft_wrap=True)
        table = Table(show_header=False, box=None, padding=(0, 2))
        table.add_column(justify="left")
        table.add_column(justify="right")
        for name, value in summary.items():
            # names and values come from data, too: what stands in brackets there is no markup
            table.add_row(Text(printable(name)), Text(_shown(value)))
        if summary:
            self._console.print(table)
        sys.stderr.flush()

    def stop(self) -> None:
        """End the live line, and the lines of what is still going on; a failed job needs it."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        if self._heart is not None:
            self._heart.stop()
            self._heart = None

    @contextmanager
    def wait(self, title: str) -> Iterator[None]:
        """Show for the length of a `with` block that something is going on."""
        self.start(title)
        with self:
            yield
        self.done("ready", {})

    @property
    def line(self) -> Text:
        """What a terminal shows now: job, step, seconds, rows."""
        return Text.assemble(self._part, f"  {self._step} ({self._elapsed():.0f} s{self._written})")

    def _beat(self) -> None:
        step = f" {self._step}," if self._step else ""
        self._say(f"{self._title}:{step} still running ({self._elapsed():.0f} s{self._written})")

    def _say(self, text: str) -> None:
        if self._heart is not None:
            self._heart.heard()
        self._console.print(Text(text), soft_wrap=True)

    def _elapsed(self) -> float:
        return time.monotonic() - self._since

    @property
    def _written(self) -> str:
        rows = self._rows()
        return f", {rows:,} rows written" if rows else ""


class _Line:
    """The live line, made again whenever the terminal draws it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __rich__(self) -> Text:
        return self._progress.line


class _Heart:
    """Calls a function whenever nothing has been heard for a while.

    Args:
        beat: What to call.
        seconds: The longest silence.
    """

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat, self._seconds = beat, seconds
        self._heard, self._stopped = threading.Event(), False
        self._thread = threading.Thread(target=self._run, daemon=True, name="progress")
        self._thread.start()

    def heard(self) -> None:
        """Begin the silence anew."""
        self._heard.set()

    def stop(self) -> None:
        """Beat no more; returns when the last beat is over."""
        self._stopped = True
        self._heard.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped:
            if self._heard.wait(self._seconds):
                self._heard.clear()
            elif not self._stopped:
                self._beat()


def _none() -> int:
    return 0


def _shown(value: int | float | str) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else printable(value)
