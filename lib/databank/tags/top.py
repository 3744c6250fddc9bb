"""Top values: the category a person buys most, the shop most visited, the usual hour."""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.row_filters import any_window, row_matches, with_dimensions
from databank.expressions import Macro
from databank.tags.config import TagConfig
from databank.tags.values import input_column, score_column


def top_values(
    archive: DataFrame, tags: Iterable[TagConfig], *, as_of: date, dimensions: Iterable[str]
) -> DataFrame:
    """The value of each rank, by the measure of the tag.

    Of equal values the one that sorts first is taken; what measures nothing (a category all of
    which was brought back, say) is none. Cost: one scan of the archive, pruned to the events and
    days that any tag looks at, a shuffle by person and value, and one by person.

    Args:
        archive: archive.person_day.
        tags: Tags of kind top; those that differ by rank alone share their work.
        as_of: The day on which windows end.
        dimensions: Declared dimensions.

    Returns:
        person_id (unique), and per tag its `input_column` (string, null = has no such value) and
        `score_column` (double, the measure).
    """
    groups: dict[tuple[Macro, str], list[TagConfig]] = {}
    for tag in tags:
        [macro] = tag.expressions[0].macros
        groups.setdefault((macro, tag.measure or "count"), []).append(tag)
    macros = [macro for macro, _ in groups]
    entries = F.array_compact(F.array(*(_entry(n, macro, as_of) for n, macro in enumerate(macros))))
    days = with_dimensions(archive, dimensions).where(any_window(macros, as_of))
    rows = days.select("person_id", "day", "n", "amount", F.inline(entries))
    values = rows.groupBy("person_id", "top", "value").agg(
        F.sum("n").cast("double").alias("count"),
        F.sum("amount").cast("double").alias("sum(amount)"),
        F.size(F.collect_set("day")).cast("double").alias("days"),
    )
    found = values.groupBy("person_id").agg(
        *(_ranking(n, measure).alias(f"_top_{n}") for n, (_, measure) in enumerate(groups))
    )
    columns = [
        column
        for n, tags_of_one in enumerate(groups.values())
        for tag in tags_of_one
        for column in _cells(tag, F.col(f"_top_{n}"))
    ]
    return found.select("person_id", *columns)


def _entry(n: int, macro: Macro, as_of: date) -> Column:
    value = F.nullif(F.col(str(macro.by)), F.lit(""))
    one = F.struct(F.lit(n).alias("top"), value.alias("value"))
    return F.when(row_matches(macro, as_of) & value.isNotNull(), one)


def _ranking(n: int, measure: str) -> Column:
    """The values of one group, the first first."""
    amount = F.col(f"`{measure}`")
    one = F.struct((-amount).alias("less"), F.col("value"))
    return F.sort_array(F.collect_list(F.when((F.col("top") == n) & (amount > 0), one)))


def _cells(tag: TagConfig, ranking: Column) -> tuple[Column, Column]:
    one = F.get(ranking, F.lit((tag.rank or 1) - 1))
    return one["value"].alias(input_column(tag)), (-one["less"]).alias(score_column(tag))
