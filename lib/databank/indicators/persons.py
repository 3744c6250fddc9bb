"""Count persons by their days: active, new and returning ones, and retention."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.row_filters import event_matches, with_dimensions
from databank.indicators.calendar import running
from databank.indicators.figures import PLACE, named, of_events, value_of
from databank.indicators.kinds import (
    ActiveIndicator,
    NewIndicator,
    RetentionIndicator,
    ReturningIndicator,
)

Counted = ActiveIndicator | NewIndicator | ReturningIndicator | RetentionIndicator


class _Query(NamedTuple):
    """Rows of the archive: of an event, under a filter, told apart by a dimension."""

    event: str | None
    filter: str | None
    by: str | None = None


@dataclass(frozen=True)
class Days:
    """The days that are computed: figures of first..last, where runs see no day after `until`."""

    first: date
    last: date
    until: date


def count_persons(
    archive: DataFrame,
    indicators: Sequence[Counted],
    *,
    days: Days,
    dimensions: Sequence[str],
) -> DataFrame:
    """Count persons by day for all such indicators at once.

    A person counts once a day, or once in the days of a window. `by` is, of active and returning
    persons, each value of the day; of new ones and of retention the value of the first day, the
    smallest of several. Events without a value count in no row.

    Cost: one scan of the archive, of the columns and events that are named, and one shuffle by
    person, to a row with the days since `first`, less the longest window. Before the shuffle days
    are distinct by task. Who was first when is read from the whole past; where nobody asks, the
    scan begins with those days, too. The windows cost two rows a day, however long they are, for
    only where a person comes into one and drops out of it is counted.

    Args:
        archive: archive.person_day.
        indicators: What to count.
        days: What to compute.
        dimensions: Declared dimensions, which filters and `by` use by name.

    Returns:
        indicator, day, dimension_value, part, persons, base (null but for retention). One row per
        day with persons; of retention one per first day, value and day N not after `until`.
    """
    firsts = list(dict.fromkeys(f for f in map(_first_query, indicators) if f))
    collected = list(dict.fromkeys(d for d in map(_days_query, indicators) if d))
    active = ((n, each) for n, each in enumerate(indicators) if isinstance(each, ActiveIndicator))
    windows = {n: each.days for n, each in active}
    longest = max(windows.values(), default=1)
    begin = days.first - timedelta(days=longest - 1)
    rows = with_dimensions(archive, dimensions).where(F.col("day") <= F.lit(days.until))
    rows = of_events(rows, (query.event for query in (*firsts, *collected)))
    if not firsts:
        rows = rows.where(F.col("day") >= F.lit(begin))
    persons = rows.groupBy("person_id").agg(
        F.lit(0).alias("_"),
        *(_first(query).alias(f"first_{n}") for n, query in enumerate(firsts)),
        *(_distinct_days(query, begin).alias(f"days_{n}") for n, query in enumerate(collected)),
    )
    entries = [
        _entries(
            number,
            each,
            days,
            first=_at(firsts, _first_query(each), "first"),
            held=_at(collected, _days_query(each), "days"),
        )
        for number, each in enumerate(indicators)
    ]
    summed = (
        persons.select(F.inline(F.concat(*entries)))
        .groupBy("i", "day", "value", "n")
        .agg(F.sum("persons").alias("persons"), F.sum("base").alias("base"))
    )
    summed = running(summed, [n for n, length in windows.items() if length > 1], days.last)
    part = F.when(F.col("n") > 0, F.concat(F.lit("day "), "n")).otherwise("")
    counted = named(summed, indicators).where(F.col("day") >= F.lit(days.first))
    return counted.withColumns({"dimension_value": F.col("value"), "part": part}).select(
        *PLACE, "persons", "base"
    )


def _first_query(each: Counted) -> _Query | None:
    """Say which rows have the first day that an indicator needs; None = it needs none."""
    if isinstance(each, ActiveIndicator):
        return None
    by = None if isinstance(each, ReturningIndicator) else each.by
    return _Query(each.event, each.filter, by)


def _days_query(each: Counted) -> _Query | None:
    """Say which rows have the days that an indicator needs; of retention those of coming back."""
    if isinstance(each, NewIndicator):
        return None
    if not isinstance(each, RetentionIndicator):
        return _Query(each.event, each.filter, each.by)
    return _Query(each.back, None) if each.back else _Query(each.event, each.filter)


def _at(known: Sequence[_Query], query: _Query | None, column: str) -> Column:
    return F.lit(None) if query is None else F.col(f"{column}_{known.index(query)}")


def _first(query: _Query) -> Column:
    value = value_of(query.by)
    # of one day, a row with a value is taken before one without, and the smallest value wins
    first = F.struct(F.col("day"), value.isNull().alias("none"), value.alias("value"))
    return F.min(F.when(event_matches(query.event, query.filter), first))


def _distinct_days(query: _Query, begin: date) -> Column:
    """Gather days as sorted pairs of value and day; without a dimension only the days."""
    matching = event_matches(query.event, query.filter) & (F.col("day") >= F.lit(begin))
    if query.by is not None:
        value = value_of(query.by)
        pair = F.struct(value.alias("value"), F.col("day").alias("day"))
        return F.sort_array(F.collect_set(F.when(matching & value.isNotNull(), pair)))
    days_found = F.sort_array(F.collect_set(F.when(matching, F.col("day"))))
    return F.transform(days_found, lambda d: F.struct(F.lit("").alias("value"), d.alias("day")))


def _entries(number: int, each: Counted, days: Days, *, first: Column, held: Column) -> Column:
    """List what a person adds to the rows of an indicator."""

    def entry(day: Column, value: Column, *, persons: Column | int = 1) -> Column:
        return _entry(number, day, value, persons=persons)

    since = F.lit(days.first)
    if isinstance(each, NewIndicator):
        return _none_if(
            first["value"].isNull() | (first["day"] < since),
            F.array(entry(first["day"], first["value"])),
        )
    if isinstance(each, ReturningIndicator):
        later = F.filter(held, lambda d: (d["day"] > first["day"]) & (d["day"] >= since))
        return F.transform(later, lambda d: entry(d["day"], d["value"]))
    if isinstance(each, RetentionIndicator):
        after = F.array(*(F.lit(n) for n in sorted(each.on)))
        over = F.filter(after, lambda n: F.date_add(first["day"], n) <= F.lit(days.until))
        shares = F.transform(
            over,
            lambda n: _entry(
                number,
                first["day"],
                first["value"],
                n=n,
                persons=F.exists(held, lambda d: d["day"] == F.date_add(first["day"], n)),
                base=F.lit(1),
            ),
        )
        return _none_if(first["value"].isNull() | (first["day"] < since), shares)
    if each.days == 1:
        kept = F.filter(held, lambda d: d["day"] >= since)
        return F.transform(kept, lambda d: entry(d["day"], d["value"]))
    following = F.slice(held, 2, F.size(held))
    # out when the window has passed, or when the next day of the same value brings it in again
    moves = F.zip_with(
        held,
        following,
        lambda d, then: F.array(
            entry(d["day"], d["value"]),
            entry(
                F.least(
                    F.date_add(d["day"], each.days),
                    F.when(then["value"] == d["value"], then["day"]),
                ),
                d["value"],
                persons=-1,
            ),
        ),
    )
    # zip_with goes on to the end of the longer one; the days are
    return F.flatten(moves)


def _entry(
    number: int,
    day: Column,
    value: Column,
    *,
    persons: Column | int,
    n: Column | None = None,
    base: Column | None = None,
) -> Column:
    return F.struct(
        F.lit(number).alias("i"),
        day.alias("day"),
        value.alias("value"),
        (F.lit(0) if n is None else n).alias("n"),
        (F.lit(persons) if isinstance(persons, int) else persons).cast("bigint").alias("persons"),
        (F.lit(None) if base is None else base).cast("bigint").alias("base"),
    )


def _none_if(absent: Column, entries: Column) -> Column:
    """Give no entries where there is no first day, or before the days that are computed."""
    return F.when(F.coalesce(absent, F.lit(True)), F.array()).otherwise(entries)
