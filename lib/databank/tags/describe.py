"""What a tag is made of, in words: the tables it reads and the rows it looks at."""

from collections.abc import Iterable, Iterator
from datetime import date

from databank.archive.tables import PERSON_DAY
from databank.expressions import Expression, Macro
from databank.expressions.macros import ANY_EVENT
from databank.sources.tables import EVENTS


def macros_of(expressions: Iterable[Expression]) -> list[Macro]:
    """List the distinct macros of some expressions, in the order of their first use."""
    return list(dict.fromkeys(macro for each in expressions for macro in each.macros))


def describe_macro(macro: Macro, as_of: date) -> str:
    """Say in words what a macro on events asks: what, of which event, filter and days or hours."""
    event = "any event" if macro.event == ANY_EVENT else str(macro.event)
    by = f" by {macro.by}" if macro.by else ""
    condition = f" where {' '.join(macro.filter.split())}" if macro.filter else ""
    return f"{macro.name} of {event}{by}{condition}, {_describe_window(macro, as_of)}"


def _describe_window(macro: Macro, as_of: date) -> str:
    if macro.hours is not None:
        return f"the {macro.hours} hour{'s' if macro.hours > 1 else ''} up to the end of {as_of}"
    begin, end = macro.days(as_of)
    return f"{begin} to {end}" if begin else f"up to {end}"


def macro_reads(expressions: Iterable[Expression], as_of: date) -> Iterator[tuple[str, str]]:
    """List each macro's table, and what of it the macro reads."""
    for macro in macros_of(expressions):
        result = macro.spec.result
        if result is not None:
            yield result.table, macro.target or macro.name
        else:
            table = PERSON_DAY if macro.hours is None else EVENTS
            yield table.name, describe_macro(macro, as_of)
