"""Measure how far two partitions agree: the predicted groups and the true ones."""

from typing import NamedTuple

from pyspark.sql import DataFrame, Window, functions as F

from databank.columns import require_columns
from databank.session import checkpoint


class Agreement(NamedTuple):
    """Agreement of two partitions, as shares from 0 to 1.

    Pairwise shares count pairs of items, so large groups weigh most. B-cubed shares average over
    items: how much of an item's predicted group belongs to it, and how much of its true group was
    predicted (Bagga and Baldwin, 1998, Algorithms for Scoring Coreference Chains).
    """

    precision: float
    recall: float
    f1: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float


def measure_agreement(items: DataFrame) -> Agreement:
    """Compare predicted groups with true ones, without making the pairs.

    Args:
        items: predicted, true: one item per row; predicted null = a group of its own.

    Raises:
        MissingColumnsError: If a column is missing.
    """
    require_columns(items, "predicted", "true", where="measure_agreement")
    # items without a group are alone: their cell has no pairs, however many rows it counts
    cells = items.groupBy("predicted", "true").agg(F.count(F.lit(1)).cast("double").alias("n"))
    of_group = F.sum("n").over(Window.partitionBy("predicted"))
    cells = cells.withColumn("size", F.when(F.col("predicted").isNotNull(), of_group))
    cells = cells.withColumn("true_size", F.sum("n").over(Window.partitionBy("true")))
    n, size, true_size = F.col("n"), F.col("size"), F.col("true_size")
    alone = size.isNull()
    row = checkpoint(cells).agg(
        F.sum("n"),
        F.sum(F.when(~alone, n * (n - 1))),
        # the pairs of a group, summed over its cells, are counted once
        F.sum(F.when(~alone, n * (size - 1))),
        F.sum(n * (true_size - 1)),
        F.sum(F.when(alone, n).otherwise(n * n / size)),
        F.sum(F.when(alone, n / true_size).otherwise(n * n / true_size)),
    )
    sums = (value or 0.0 for value in row.collect()[0])
    rows, shared_pairs, predicted_pairs, true_pairs, precise, recalled = sums
    pairwise = _share(shared_pairs, predicted_pairs), _share(shared_pairs, true_pairs)
    bcubed = _share(precise, rows), _share(recalled, rows)
    return Agreement(*pairwise, _f1(*pairwise), *bcubed, _f1(*bcubed))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _f1(precision: float, recall: float) -> float:
    return _share(2 * precision * recall, precision + recall)
