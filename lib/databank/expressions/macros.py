"""Macros: what databank adds to Spark SQL, each with its arguments checked."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from databank.errors import did_you_mean
from databank.expressions.windows import Window, parse_window, refuse_hours

# name -> (arguments needed, arguments allowed)
_EVENT_MACROS = {
    "events": (1, 3),
    "amount": (1, 3),
    "average_amount": (1, 3),
    "largest_amount": (1, 3),
    "smallest_amount": (1, 3),
    "quantity": (1, 3),
    "distinct": (2, 4),
    "sum_of": (2, 4),
    "average_of": (2, 4),
    "largest_of": (2, 4),
    "smallest_of": (2, 4),
    "first_on": (1, 3),
    "last_on": (1, 3),
    "days_active": (1, 3),
    "days_in_a_row": (1, 3),
    "days_since": (1, 2),
    "first_time": (2, 3),
    "stopped": (2, 3),
}
_TABLE_MACROS = {"in_audience": (1, 1), "in_lookalike": (1, 1), "stage": (0, 0), "score": (1, 1)}
ARITY = _EVENT_MACROS | _TABLE_MACROS
ANY_EVENT = "*"
# those of a dimension's numbers
OF_NUMBERS = frozenset({"sum_of", "average_of", "largest_of", "smallest_of"})
# those that look beyond their window, at the whole past
_OF_THE_PAST = frozenset({"first_time", "stopped"})


@dataclass(frozen=True)
class Macro:
    """One macro with its arguments.

    Attributes:
        name: events (count), amount and quantity (sums), average_amount, largest_amount and
            smallest_amount (of one event, null without any), distinct (different values of a
            dimension), sum_of, average_of, largest_of and smallest_of (numbers of a dimension;
            the last three null without any), first_on and last_on (null without any), days_active
            (distinct days), days_in_a_row (the longest run of them), days_since (days since the
            last, null if never), first_time (the first ever lies in the window), stopped (had it
            before the window, not within it), in_audience, in_lookalike, stage, score.
        event: Event name, `*` for any.
        window: Days looked at, or hours.
        filter: Spark SQL over terminal and the declared dimensions of the archive.
        target: Audience, lookalike or model that is referred to.
        by: Dimension whose values are counted, or whose numbers are taken.
    """

    name: str
    event: str | None = None
    window: Window | None = None
    filter: str | None = None
    target: str | None = None
    by: str | None = None

    @property
    def column(self) -> str:
        """Name of the column that holds the macro's value; equal macros share it."""
        parts = [self.name, self.event, self.window and self.window.text, self.filter, self.target]
        # models of earlier days know columns by these names
        parts += [self.by] if self.by else []
        return f"_{self.name}_{sha256(repr(parts).encode()).hexdigest()[:10]}"

    def days(self, as_of: date) -> tuple[date | None, date]:
        """First and last day that it looks at; no first = from the beginning.

        Raises:
            ValueError: If it does not read events, or its window is of hours.
        """
        if self.window is None:
            raise ValueError(f"macro {self.name} has no window")
        begin, end = self.window.days(as_of)
        # whether it is the first time, or has stopped, shows only in the whole past
        return (None if self.name in _OF_THE_PAST else begin), end

    @property
    def hours(self) -> int | None:
        """Hours that its window has, up to the end of the run day; None = it is of days."""
        return self.window.hours if self.window is not None else None

    @property
    def reads_events(self) -> bool:
        """Whether events answer it (else a table of results does).

        Those of days are in the archive; for windows of hours core.events is read.
        """
        return self.name in _EVENT_MACROS


def make_macro(name: str, arguments: list[str]) -> Macro:
    """Build a macro from its text arguments.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    least, most = ARITY[name]
    if not least <= len(arguments) <= most:
        allowed = str(least) if least == most else f"{least} to {most}"
        raise ValueError(f"{name}() takes {allowed} arguments, not {len(arguments)}; {usage(name)}")
    if name == "stage":
        return Macro(name)
    if name in _TABLE_MACROS:
        # the champion is what scores: 'churn@champion' is the same as 'churn'
        return Macro(name, target=arguments[0].removesuffix("@champion"))
    event, rest = arguments[0], arguments[1:]
    by = rest.pop(0) if name == "distinct" or name in OF_NUMBERS else None
    if name == "days_since":
        return Macro(name, event, parse_window("ever"), rest[0] if rest else None)
    text = rest[0] if rest else "ever"
    if name == "stopped" and not text.startswith("last "):
        # '30 days' reads as 'the last 30 days'
        text = f"last {text}"
    window = parse_window(text)
    if name in _OF_THE_PAST:
        refuse_hours(window, where="first_time() and stopped()")
    return Macro(name, event, window, rest[1] if len(rest) > 1 else None, by=by)


def usage(name: str) -> str:
    """How a macro is written."""
    shown = {
        "events": "events('login', 'this month', \"terminal = 'app'\")",
        "amount": "amount('purchase', 'last 90 days')",
        "average_amount": "average_amount('purchase', 'last 90 days')",
        "largest_amount": "largest_amount('purchase', 'last 90 days')",
        "smallest_amount": "smallest_amount('purchase', 'last 90 days')",
        "quantity": "quantity('purchase', 'last 90 days')",
        "distinct": "distinct('read', 'category', 'last 30 days')",
        "sum_of": "sum_of('play', 'points', 'last 30 days')",
        "average_of": "average_of('play', 'points', 'last 30 days')",
        "largest_of": "largest_of('play', 'points', 'last 30 days')",
        "smallest_of": "smallest_of('play', 'points', 'last 30 days')",
        "first_on": "first_on('purchase')",
        "last_on": "last_on('login', 'last 30 days')",
        "days_active": "days_active('login', 'last 30 days')",
        "days_in_a_row": "days_in_a_row('login', 'last 30 days')",
        "days_since": "days_since('purchase')",
        "first_time": "first_time('purchase', 'this month')",
        "stopped": "stopped('login', '30 days')",
        "in_audience": "in_audience('newcomers')",
        "in_lookalike": "in_lookalike('like_our_best')",
        "stage": "stage() = 'loyalty'",
        "score": "score('churn') >= 0.5",
    }
    return f"write {shown[name]}"


def unknown_macro(name: str, known: set[str]) -> ValueError:
    """The fault for a function that is neither a macro nor known to Spark."""
    remedy = did_you_mean(name, known | set(ARITY))
    return ValueError(f"unknown function {name!r}; {remedy}")
