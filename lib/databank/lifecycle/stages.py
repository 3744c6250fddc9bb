"""Stages of persons, and the flow between two days."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import holds
from databank.lifecycle.config import GONE, NEW, NONE


def stage_of(rules: Sequence[tuple[str, str]]) -> Column:
    """Choose the highest stage whose rule holds, `none` where none does; null counts as false.

    Args:
        rules: (stage, Spark SQL condition), lowest stage first.
    """
    stage = F.lit(NONE)
    for name, condition in rules:
        stage = F.when(holds(condition), F.lit(name)).otherwise(stage)
    return stage


def flow_between(before: DataFrame, after: DataFrame) -> DataFrame:
    """Count persons by their stage on the first day and their stage on the second day.

    Each person of either day is counted once, so that the persons of a stage on the first day
    are those who stayed, moved or are gone, exactly; and those of a stage on the second day are
    those who stayed, came from another stage or are new.

    Args:
        before: person_id (unique), stage: everybody known on the first day.
        after: person_id (unique), stage: everybody known on the second day.

    Returns:
        stage_from (`new` = known on the second day only), stage_to (`gone` = known on the first
        day only), persons (bigint).
    """
    start = before.select("person_id", F.col("stage").alias("_from"))
    end = after.select("person_id", F.col("stage").alias("_to"))
    both = start.join(end, "person_id", "full")
    return both.groupBy(
        F.coalesce("_from", F.lit(NEW)).alias("stage_from"),
        F.coalesce("_to", F.lit(GONE)).alias("stage_to"),
    ).agg(F.count("*").alias("persons"))
