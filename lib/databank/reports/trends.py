"""Collect the indicators of the latest days."""

from typing import Any

from pyspark.sql import Window, functions as F

from databank.reports.facts import Indicator
from databank.reports.ground import DAYS_SHOWN
from databank.reports.reader import Reader

MOST_VALUES = 6  # of a dimension
_MOST_ROWS = 50_000


def collect_trends(reader: Reader) -> dict[str, Any]:
    """Rows of the latest days; nothing where there are no indicators."""
    rows = reader.table("reports.indicator")
    if rows is None:
        return {}
    last = F.lit(reader.day)
    recent = rows.where((F.col("day") > F.date_sub(last, DAYS_SHOWN)) & (F.col("day") <= last))
    sizes = recent.groupBy("indicator", "dimension_value").agg(
        F.sum(F.coalesce("base", "value")).alias("size")
    )
    order = Window.partitionBy("indicator").orderBy(F.desc("size"), "dimension_value")
    most = sizes.withColumn("place", F.row_number().over(order)).where(f"place <= {MOST_VALUES}")
    kept = recent.join(most.drop("size", "place"), ["indicator", "dimension_value"], "left_semi")
    columns = ("indicator", "day", "dimension_value", "part", "value", "persons", "base")
    found = kept.select(*columns).orderBy(*columns[:4]).limit(_MOST_ROWS).collect()
    return {"indicators": tuple(Indicator(*row) for row in found)}
