"""Choose the match threshold without knowing the truth: where the persons hardly change.

The pairs of one person join at high averages, those of strangers at low ones, and in between there
is a range in which a threshold makes no difference to most persons. A threshold there is stable:
moved one step (0.05) up or down, it gives the fewest other persons. That alone would also be stable
where profiles say too little to tell people apart; so of all pairs that a threshold links, four in
five must be one person's by the model's own probability.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

_STEPS = [round(step / 20, 2) for step in range(1, 20)]  # 0.05 to 0.95
_PRECISION = 0.8


class ThresholdResult(NamedTuple):
    """What a match threshold gives.

    Attributes:
        threshold: The threshold.
        persons: Persons among the identifiers compared, were nothing else known of them.
        pairs: Pairs of identifiers that are one person's.
        expected_precision: Mean probability of these pairs; None where there are none.
    """

    threshold: float
    persons: int
    pairs: int
    expected_precision: float | None


def measure_thresholds(
    joined: DataFrame, identifiers: int, own: float | None = None
) -> list[ThresholdResult]:
    """Count persons and pairs at the thresholds 0.05, 0.1 ... 0.95, and at the rule's own.

    Args:
        joined: score, joined_at, joins; see `join_by_average_link`.
        identifiers: How many were compared.
        own: The match threshold of the rule, if it has one.

    Returns:
        In the order of thresholds.
    """
    thresholds = sorted({*_STEPS, *([own] if own is not None else [])})
    measures = []
    for threshold in thresholds:
        linked = F.col("joined_at") >= threshold
        measures += [F.count_if(linked), F.count_if(linked & F.col("joins"))]
        measures += [F.sum(F.when(linked, F.col("score")))]
    row = joined.agg(*measures).collect()[0]
    results = []
    for number, threshold in enumerate(thresholds):
        pairs, joins, expected = row[3 * number : 3 * number + 3]
        precision = round(expected / pairs, 6) if pairs else None
        results.append(ThresholdResult(threshold, identifiers - joins, pairs, precision))
    return results


def stable_threshold(results: Sequence[ThresholdResult]) -> float:
    """Choose the threshold around which the fewest persons change; of several the middle one.

    Args:
        results: Of `measure_thresholds`, without a threshold of the rule's own.
    """
    persons = {result.threshold: result.persons for result in results}
    precise = {r.threshold for r in results if (r.expected_precision or 0) >= _PRECISION}
    changed = {
        middle: persons[above] - persons[below]
        for (below, middle), (_, above) in pairwise(pairwise(_STEPS))
        if middle in precise
    }
    if not changed:
        return _STEPS[-2]
    least = min(changed.values())
    stable = [threshold for threshold, count in changed.items() if count == least]
    return stable[len(stable) // 2]
