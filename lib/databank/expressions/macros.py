"""Macros: what databank adds to Spark SQL, one entry for each in a registry."""

import re
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from databank.errors import did_you_mean
from databank.expressions.cells import Evaluator
from databank.expressions.windows import Window, parse_window, refuse_hours

ANY_EVENT = "*"
LONGEST_EVENT = 1_000  # signs of the name of an event
_CALL = re.compile(r"^([a-z]+)\(([a-z][a-z0-9_]*)\)$")


@dataclass(frozen=True)
class ResultTable:
    """A table of results whose rows are the values of a macro.

    Attributes:
        table: Its name.
        value: SQL of the value, over its columns.
        shown: Columns that explain the value.
        name: Column with the name that the macro's argument gives; None = it takes none.
        person: Column with the person.
        by_day: Whether it keeps values by day; those of the asked day are read.
    """

    table: str
    value: str
    shown: tuple[str, ...]
    name: str | None = None
    person: str = "person_id"
    by_day: bool = True


@dataclass(frozen=True)
class MacroSpec:
    """One macro of the vocabulary: how it is written, what it means, how it is evaluated.

    Attributes:
        name: As expressions write it.
        example: A whole use of it, for errors and documentation.
        description: What its value is.
        type: Spark type of the value.
        required: Names of the arguments that must be given, in order: event, dimension (its
            values are counted), number (a dimension whose numbers are taken), window, period (a
            window without its `last`), filter; or the node that it refers to.
        optional: Names of the arguments that may follow.
        evaluate: Computes the value from events; None = a table of results has it.
        reads: Columns of archive.person_day that `evaluate` needs, beside days and dimensions.
        result: The table of results that has the value, where events do not.
        empty: Value where there is neither an event nor a result; None = null.
        node: What it refers to by name, or alone: audience, lookalike, model, lifecycle.
        measure: How a tag of kind measure asks for it; None = none does.
        whole_past: Whether it looks beyond its window, at the whole past.
        persons_only: Whether a household, an account ... has no such value.
    """

    name: str
    example: str
    description: str
    type: str
    required: tuple[str, ...] = ("event",)
    optional: tuple[str, ...] = ("window", "filter")
    evaluate: Evaluator | None = None
    reads: tuple[str, ...] = ()
    result: ResultTable | None = None
    empty: bool | int | None = None
    node: str | None = None
    measure: str | None = None
    whole_past: bool = False
    persons_only: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of all arguments, in order."""
        return (*self.required, *self.optional)


MACROS: dict[str, MacroSpec] = {}


def register(spec: MacroSpec) -> MacroSpec:
    """Add a macro to the vocabulary; expressions can use it from then on."""
    MACROS[spec.name] = spec
    return spec


@dataclass(frozen=True)
class Macro:
    """One use of a macro, with its arguments.

    Attributes:
        name: Of the macro.
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
    def spec(self) -> MacroSpec:
        """What the registry says of the macro."""
        return MACROS[self.name]

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
        return (None if self.spec.whole_past else begin), end

    @property
    def hours(self) -> int | None:
        """Hours that its window has, up to the end of the run day; None = it is of days."""
        return self.window.hours if self.window is not None else None

    @property
    def reads_events(self) -> bool:
        """Whether its value comes from events (else a table of results has it).

        Those of days are in the archive; for windows of hours core.events is read.
        """
        return self.spec.evaluate is not None


def make_macro(name: str, arguments: list[str]) -> Macro:
    """Build a macro from its text arguments.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    spec = MACROS[name]
    least, most = len(spec.required), len(spec.arguments)
    if not least <= len(arguments) <= most:
        allowed = str(least) if least == most else f"{least} to {most}"
        raise ValueError(f"{name}() takes {allowed} arguments, not {len(arguments)}; {usage(name)}")
    given = dict(zip(spec.arguments, arguments, strict=False))
    if not 0 < len(given.get("event", ANY_EVENT)) <= LONGEST_EVENT:
        raise ValueError(
            f"the event of {name}() has {len(given['event']):,} signs; write one of 1 to "
            f"{LONGEST_EVENT:,}, such as in {spec.example}"
        )
    target = given.get(spec.node or "")
    return Macro(
        name,
        event=given.get("event"),
        window=_window(spec, given),
        filter=given.get("filter"),
        # the champion is what scores: 'churn@champion' is the same as 'churn'
        target=None if target is None else target.removesuffix("@champion"),
        by=given.get("dimension", given.get("number")),
    )


def _window(spec: MacroSpec, given: dict[str, str]) -> Window | None:
    if spec.evaluate is None:
        return None
    text = given.get("window", "ever")
    if "period" in given:
        # '30 days' reads as 'the last 30 days'; one without a number would be one of the calendar
        period = given["period"].removeprefix("last ")
        if not period[:1].isdigit():
            raise ValueError(f"period {period!r} does not end with the run day; {usage(spec.name)}")
        text = f"last {period}"
    window = parse_window(text)
    if spec.whole_past:
        like_it = (f"{each.name}()" for each in MACROS.values() if each.whole_past)
        refuse_hours(window, where=" and ".join(like_it))
    return window


def usage(name: str) -> str:
    """Say how a macro is written."""
    return f"write {MACROS[name].example}"


# macros that are designed and not built, each with what comes close to it
_NOT_BUILT = {
    "followed_by": "count it by an indicator of kind funnel",
    "in_upload": "make a tag of the list (kind person_list), and write its name",
    "regular": "ask for days_active('login', 'last 4 weeks') >= 12",
    "returned": "ask for events('login', 'last 7 days') >= 1 and a rule over the days before",
}


def unknown_macro(name: str, known: frozenset[str]) -> ValueError:
    """Make the fault for a function that is neither a macro nor known to Spark."""
    if name in _NOT_BUILT:
        return ValueError(f"{name}() is not built yet; {_NOT_BUILT[name]}")
    remedy = did_you_mean(name, known | set(MACROS))
    return ValueError(f"unknown function {name!r}; {remedy}")


def measures() -> dict[str, MacroSpec]:
    """List what tags of kind measure may ask for, by their spelling; see also `measure_macro`."""
    return {
        spec.measure: spec
        for spec in MACROS.values()
        if spec.measure is not None and "number" not in spec.arguments
    }


def measure_macro(measure: str) -> tuple[MacroSpec, str | None] | None:
    """Find the macro of a measure, and the dimension whose numbers it takes, if it does.

    `sum(points)` is the macro whose measure is `sum(number)`. None = there is no such measure.
    """
    if measure in measures():
        return measures()[measure], None
    call = _CALL.match(measure)
    wanted = f"{call.group(1)}(number)" if call else None
    spec = next((each for each in MACROS.values() if each.measure == wanted), None)
    return (spec, call.group(2)) if call and spec else None


@dataclass(frozen=True)
class MacroReference:
    """A macro as documentation shows it.

    Attributes:
        name: Of the macro.
        arguments: Their names, those that may be left out in brackets.
        type: Spark type of the value.
        empty: The value without any event or result.
        example: A whole use of it.
        description: What its value is.
        measure: How a tag of kind measure asks for it, '' if none does.
    """

    name: str
    arguments: str
    type: str
    empty: str
    example: str
    description: str
    measure: str


def macro_reference() -> list[MacroReference]:
    """Describe all macros, in the order of the vocabulary."""
    return [
        MacroReference(
            name=spec.name,
            arguments=", ".join((*spec.required, *(f"[{name}]" for name in spec.optional))),
            type=spec.type,
            empty="null" if spec.empty is None else str(spec.empty).lower(),
            example=spec.example,
            description=spec.description,
            measure=spec.measure or "",
        )
        for spec in MACROS.values()
    ]
