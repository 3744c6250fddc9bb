"""Macros over events become columns: one pass over the archive for all of them."""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.expressions import Macro
from databank.expressions.macros import ANY_EVENT

# what a person without any matching event has; the rest is null
_NOTHING = {
    "events": 0, "amount": 0.0, "quantity": 0.0, "distinct": 0, "days_active": 0,
    "days_in_a_row": 0, "first_time": False, "stopped": False,
}  # fmt: skip


def macro_columns(
    archive: DataFrame, macros: Iterable[Macro], *, as_of: date, dimensions: Iterable[str]
) -> DataFrame:
    """Reduce the archive to the values of macros.

    Cost: one scan of the archive, pruned to the events and days that any macro looks at, and one
    shuffle by person.

    Args:
        archive: archive.person_day.
        macros: Those that read events.
        as_of: The day on which windows end.
        dimensions: Declared dimensions, which filters may use by name.

    Returns:
        person_id (unique), and per macro its `column`: events, distinct, days_active, days_in_a_row
        (bigint), amount, quantity, average_amount, largest_amount, smallest_amount (double),
        days_since (int), first_on, last_on (date), first_time, stopped (boolean).
        Persons without a row in the archive are absent; see `nothing`.
    """
    macros = list(dict.fromkeys(macros))
    return (
        exposed(archive, dimensions)
        .where(looked_at(macros, as_of))
        .groupBy("person_id")
        .agg(*(_aggregate(macro, as_of).alias(macro.column) for macro in macros))
    )


def exposed(archive: DataFrame, dimensions: Iterable[str]) -> DataFrame:
    """archive.person_day with a column for each declared dimension, which filters may use."""
    return archive.select("*", *(F.col("dims")[name].alias(name) for name in dimensions))


def nothing(macro: Macro) -> int | float | bool | None:
    """The value of a macro for a person without any matching event; None is null."""
    return _NOTHING.get(macro.name)


def looked_at(macros: list[Macro], as_of: date) -> Column:
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


def hit(macro: Macro, as_of: date) -> Column:
    """Whether a row of the archive is of the event, the filter and the window of a macro."""
    begin, end = _window(macro, as_of)
    in_window = F.col("day") <= F.lit(end)
    if begin is not None:
        in_window = in_window & (F.col("day") >= F.lit(begin))
    return _matches(macro) & in_window


def _matches(macro: Macro) -> Column:
    is_event = F.lit(True) if macro.event == ANY_EVENT else F.col("event") == F.lit(macro.event)
    return is_event & F.expr(f"({macro.filter})") if macro.filter else is_event


def _aggregate(macro: Macro, as_of: date) -> Column:
    begin, end = _window(macro, as_of)
    matches, met, day = _matches(macro), hit(macro, as_of), F.col("day")
    match macro.name:
        case "events":
            return F.coalesce(F.sum(F.when(met, F.col("n"))), F.lit(0))
        case "amount":
            return F.coalesce(F.sum(F.when(met, F.col("amount"))), F.lit(0)).cast("double")
        case "average_amount":
            paid = met & F.col("amount").isNotNull()
            amount = F.sum(F.when(paid, F.col("amount"))).cast("double")
            return F.try_divide(amount, F.sum(F.when(paid, F.col("n"))))
        case "largest_amount":
            return F.max(F.when(met, F.col("amount_max"))).cast("double")
        case "smallest_amount":
            return F.min(F.when(met, F.col("amount_min"))).cast("double")
        case "quantity":
            return F.coalesce(F.sum(F.when(met, F.col("quantity"))), F.lit(0)).cast("double")
        case "distinct":
            value = F.nullif(F.col(str(macro.by)), F.lit(""))
            return F.size(F.collect_set(F.when(met, value))).cast("bigint")
        case "first_on":
            return F.min(F.when(met, day))
        case "last_on":
            return F.max(F.when(met, day))
        case "days_active":
            return F.size(F.collect_set(F.when(met, day))).cast("bigint")
        case "days_in_a_row":
            return _longest_run(F.sort_array(F.collect_set(F.when(met, day))))
        case "days_since":
            return F.date_diff(F.lit(as_of), F.max(F.when(met, day)))
        case "first_time":
            earliest = F.min(F.when(matches & (day <= F.lit(end)), day))
            return (
                F.coalesce(earliest >= F.lit(begin), F.lit(False))
                if begin
                else (earliest.isNotNull())
            )
        case "stopped":
            latest = F.max(F.when(matches & (day <= F.lit(end)), day))
            return F.coalesce(latest < F.lit(begin), F.lit(False))
    raise ValueError(f"macro {macro.name} does not read events")


def _longest_run(days: Column) -> Column:
    """How many days follow each other at most; days are sorted and distinct."""
    nothing = F.lit(0).cast("bigint")
    begin = F.struct(
        F.lit(None).cast("date").alias("last"), nothing.alias("run"), nothing.alias("longest")
    )

    def step(known: Column, day: Column) -> Column:
        follows = F.coalesce(F.date_diff(day, known["last"]) == 1, F.lit(False))
        run = F.when(follows, known["run"]).otherwise(nothing) + 1
        longest = F.greatest(known["longest"], run)
        return F.struct(day.alias("last"), run.alias("run"), longest.alias("longest"))

    return F.aggregate(days, begin, step, lambda known: known["longest"])
