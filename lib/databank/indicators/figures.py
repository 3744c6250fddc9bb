"""What all kinds of figures share: whose values they are of, and where a row of them belongs."""

from collections.abc import Iterable, Sequence

from pyspark.sql import Column, DataFrame, functions as F

from databank.expressions.macros import ANY_EVENT
from databank.indicators.kinds import IndicatorBase

# of a row of figures, beside its numbers
PLACE = ("indicator", "day", "dimension_value", "part")
COLUMNS = (*PLACE, "value", "persons", "base")


def of_events(rows: DataFrame, events: Iterable[str | None]) -> DataFrame:
    """Rows of some events; a filter that files can be skipped by."""
    wanted = {event for event in events if event is not None}
    return rows if ANY_EVENT in wanted else rows.where(F.col("event").isin(sorted(wanted)))


def value_of(by: str | None) -> Column:
    """The value of a dimension; null where an event has none, '' where there is no dimension."""
    return F.lit("") if by is None else F.col(by)


def named(rows: DataFrame, indicators: Sequence[IndicatorBase]) -> DataFrame:
    """Put the name of the indicator in the place of its number `i`.

    Rows carry numbers through the shuffles; they are short, and hash quickly.
    """
    names = F.array(*(F.lit(each.name) for each in indicators))
    return rows.withColumn("indicator", F.get(names, F.col("i"))).drop("i")


def with_value(counted: DataFrame) -> DataFrame:
    """Rows of PLACE, persons, base as COLUMNS: the value is the share, or how many there are."""
    persons = F.col("persons").cast("double")
    value = F.coalesce(persons / F.col("base"), persons)
    return counted.withColumn("value", value).select(*COLUMNS)
