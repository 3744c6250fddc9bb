"""How many had each tag on the last days on which it was measured."""

from collections import defaultdict
from datetime import date

from pyspark.sql import Window, functions as F

from databank.reports.reader import Reader

Measured = dict[str, list[tuple[date, int]]]
_DAYS = 2  # the newest is the day of the values that are published


def measured_reach(reader: Reader) -> Measured:
    """By tag (run day, how many had it), newest first; of a day that was run again the last run's.

    One pass over ops.metric, with ops.run broadcast to it.
    """
    metrics, runs = reader.ledger("ops.metric"), reader.ledger("ops.run")
    if metrics is None or runs is None:
        return {}
    job, past = F.col("job") == "build_tags", F.col("day") <= F.lit(reader.day)
    told = metrics.where(job & past & (F.col("name") == "tag_coverage"))
    at = F.broadcast(runs.where(job).select("run_id", "started"))
    newest = Window.partitionBy("tag").orderBy(F.desc("day"))
    days = (
        told.join(at, "run_id")
        .groupBy(F.col("labels")["tag"].alias("tag"), "day")
        .agg(F.max_by("value", "started").alias("value"))
        .withColumn("place", F.row_number().over(newest))
        .where(F.col("place") <= _DAYS)
        .orderBy("tag", "place")
    )
    found: Measured = defaultdict(list)
    # two rows a tag
    for row in days.collect():
        found[row["tag"]].append((row["day"], int(row["value"])))
    return found
