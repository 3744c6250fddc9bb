"""How far two partitions agree: what was found, and what is true."""

from typing import NamedTuple

from pyspark.sql import DataFrame, Window, functions as F

from databank.columns import require_columns
from databank.session import checkpoint


class Agreement(NamedTuple):
    """Shares from 0 to 1. Pairwise ones ask about pairs, so that large groups weigh most.

    B-cubed ones ask about each item: how much of its found group belongs to it, and how much of
    its true group was found (Bagga and Baldwin, 1998, Algorithms for Scoring Coreference Chains).
    """

    precision: float
    recall: float
    f1: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float


def measure_agreement(items: DataFrame) -> Agreement:
    """Compare found groups with true ones; the pairs themselves are never made.

    Args:
        items: found, true: an item a row; found null = alone.

    Raises:
        MissingColumnsError: If a column is missing.
    """
    require_columns(items, "found", "true", where="measure_agreement")
    # an item that is alone is a group of its own, and so are two of them
    cells = items.groupBy("found", "true").agg(F.count(F.lit(1)).cast("double").alias("n"))
    of_found = F.sum("n").over(Window.partitionBy("found"))
    cells = cells.withColumn("said", F.when(F.col("found").isNotNull(), of_found))
    cells = cells.withColumn("real", F.sum("n").over(Window.partitionBy("true")))
    n, said, real = F.col("n"), F.col("said"), F.col("real")
    alone = said.isNull()
    row = checkpoint(cells).agg(
        F.sum("n"),
        F.sum(F.when(~alone, n * (n - 1))),
        # shares of a group, summed over its cells, count it once
        F.sum(F.when(~alone, n * (said - 1))),
        F.sum(n * (real - 1)),
        F.sum(F.when(alone, n).otherwise(n * n / said)),
        F.sum(F.when(alone, n / real).otherwise(n * n / real)),
    )
    counted, both, found, true, precise, recalled = (value or 0.0 for value in row.collect()[0])
    pairs = _share(both, found), _share(both, true)
    cubed = _share(precise, counted), _share(recalled, counted)
    return Agreement(*pairs, _f1(*pairs), *cubed, _f1(*cubed))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _f1(precision: float, recall: float) -> float:
    return _share(2 * precision * recall, precision + recall)
