"""Which rows of the archive a macro over events looks at."""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.expressions import Macro
from databank.expressions.macros import ANY_EVENT


def with_dimensions(archive: DataFrame, dimensions: Iterable[str]) -> DataFrame:
    """archive.person_day with a column for each declared dimension, which filters may use."""
    return archive.select("*", *(F.col("dims")[name].alias(name) for name in dimensions))


def any_window(macros: list[Macro], as_of: date) -> Column:
    """Rows that any macro looks at; a filter that files can be skipped by."""
    first: list[date | None] = []
    last: list[date] = []
    for macro in macros:
        begin, end = macro.days(as_of)
        first.append(begin)
        last.append(end)
    found = F.col("day") <= F.lit(max(last))
    begins = [day for day in first if day is not None]
    if len(begins) == len(first):
        found = found & (F.col("day") >= F.lit(min(begins)))
    events = {macro.event for macro in macros}
    if ANY_EVENT not in events:
        found = found & F.col("event").isin(sorted(event for event in events if event))
    return found


def _window(macro: Macro, as_of: date) -> tuple[date | None, date]:
    if macro.window is None:
        raise ValueError(f"macro {macro.name} has no window")
    return macro.window.days(as_of)


def row_matches(macro: Macro, as_of: date) -> Column:
    """Whether a row of the archive is of the event, the filter and the window of a macro."""
    begin, end = _window(macro, as_of)
    in_window = F.col("day") <= F.lit(end)
    if begin is not None:
        in_window = in_window & (F.col("day") >= F.lit(begin))
    return event_matches(macro.event, macro.filter) & in_window


def event_matches(event: str | None, condition: str | None) -> Column:
    """Whether a row of the archive is of an event and meets a filter; null where the filter is."""
    # a session is no event beside its own
    any_event = F.col("synthetic").isNull()
    is_event = any_event if event == ANY_EVENT else F.col("event") == F.lit(event)
    return is_event & F.expr(f"({condition})") if condition else is_event
