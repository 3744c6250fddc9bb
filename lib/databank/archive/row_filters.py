"""Conditions on rows of the archive: events, filters and windows of macros."""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.expressions import Macro, parse_expression
from databank.expressions.macros import ANY_EVENT
from databank.expressions.run_day import RUN_DAY


def with_dimensions(
    archive: DataFrame, dimensions: Iterable[str], as_of: date | None = None
) -> DataFrame:
    """Add a column for each declared dimension to archive.person_day; filters may use them.

    What an event does not have is null, a terminal too: filters are Spark SQL, in which neither
    `=` nor `<>` holds for it. `:day` in a filter is `as_of`; figures by day have none.
    """
    named = {name: F.col("dims")[name] for name in dimensions}
    named |= {} if as_of is None else {RUN_DAY: F.lit(as_of)}
    return archive.withColumns({"terminal": F.nullif("terminal", F.lit("")), **named})


def any_window(macros: list[Macro], as_of: date) -> Column:
    """Keep the rows that any of the macros reads; a filter by which files can be skipped."""
    first: list[date | None] = []
    last: list[date] = []
    for macro in macros:
        begin, end = macro.days(as_of)
        first.append(begin)
        last.append(end)
    rows = F.col("day") <= F.lit(max(last))
    begins = [day for day in first if day is not None]
    if len(begins) == len(first):
        rows = rows & (F.col("day") >= F.lit(min(begins)))
    events = {macro.event for macro in macros}
    if ANY_EVENT not in events:
        rows = rows & F.col("event").isin(sorted(event for event in events if event))
    return rows


def _window(macro: Macro, as_of: date) -> tuple[date | None, date]:
    if macro.window is None:
        raise ValueError(f"macro {macro.name} has no window")
    return macro.window.days(as_of)


def row_matches(macro: Macro, as_of: date) -> Column:
    """Test whether a row of the archive has the event, the filter and the window of a macro."""
    begin, end = _window(macro, as_of)
    in_window = F.col("day") <= F.lit(end)
    if begin is not None:
        in_window = in_window & (F.col("day") >= F.lit(begin))
    return event_matches(macro.event, macro.filter) & in_window


def event_matches(event: str | None, condition: str | None) -> Column:
    """Test whether a row is of an event and meets a filter; null where the filter is."""
    # a session is no event beside its own
    any_event = F.col("synthetic").isNull()
    is_event = any_event if event == ANY_EVENT else F.col("event") == F.lit(event)
    return is_event & F.expr(filter_sql(condition)) if condition else is_event


def filter_sql(condition: str) -> str:
    """Write a filter as it runs: what it cannot compute is null, and the row is left out."""
    return f"({parse_expression(condition).sql})"
