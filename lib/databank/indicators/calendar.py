"""Days between the days with figures: running totals, and the zeros that BI wants to see.

What is done here is done on rows of figures: some thousands, whatever the size of the bank. Rows
that are not meant pass through, so that what made them is computed once.
"""

from collections.abc import Collection
from datetime import date

from pyspark.sql import Column, DataFrame, Window, functions as F

from databank.indicators.figures import COLUMNS


def running(rows: DataFrame, windowed: Collection[int], last: date) -> DataFrame:
    """Turn how many come and go on a day into how many are there, day by day.

    Args:
        rows: i, day, value, n, persons, base; one row per i, day, value and n. Of the indicators
            that are meant, persons is who comes less who goes.
        windowed: Their numbers.
        last: The last day wanted; moves after it tell nothing.

    Returns:
        The same columns; of `windowed` one row per i, value and day with persons > 0.
    """
    if not windowed:
        return rows
    meant = F.col("i").isin(sorted(windowed))
    line = Window.partitionBy("i", "value", "n").orderBy("day")
    there = F.when(meant, F.sum("persons").over(line)).otherwise(F.col("persons"))
    held = (
        rows.where(~meant | (F.col("day") <= F.lit(last)))
        .withColumns({"persons": there, "end": _end(meant, F.lead("day").over(line), last)})
        .where(~meant | (F.col("persons") > 0))
    )
    return held.withColumn("day", F.explode(F.sequence("day", "end"))).drop("end")


def without_gaps(rows: DataFrame, every: Collection[str], last: date) -> DataFrame:
    """Add a row of zeros for each day between an indicator's first one and `last` without any.

    Args:
        rows: COLUMNS.
        every: Indicators that are meant: one row a day, on days up to `last`.
        last: The last day of all figures.

    Returns:
        COLUMNS; what is null stays null.
    """
    meant = F.col("indicator").isin(sorted(every))
    line = Window.partitionBy("indicator", "dimension_value", "part").orderBy("day")
    # a row stands for the days up to the next one, and is nothing on all but its own
    spread = (
        rows.withColumns({"own": F.col("day"), "end": _end(meant, F.lead("day").over(line), last)})
        .withColumn("day", F.explode(F.sequence("own", "end")))
        .withColumn("kept", F.when(F.col("day") == F.col("own"), 1).otherwise(0))
    )
    zeros = {name: F.col(name) * F.col("kept") for name in ("value", "persons")}
    return spread.withColumns(zeros).select(*COLUMNS)


def _end(meant: Column, following: Column, last: date) -> Column:
    """The last day that a row stands for: its own, or the one before the following row."""
    held = F.coalesce(F.date_sub(following, 1), F.lit(last))
    return F.when(meant, held).otherwise(F.col("day"))
