"""The match threshold that is chosen without the truth, and what every threshold gives."""

from collections.abc import Callable

import pytest
from pyspark.sql import SparkSession

from databank.identity.linkage.threshold import (
    ThresholdResult,
    measure_thresholds,
    stable_threshold,
)
from databank.session import small_frame

STEPS = [round(0.05 * step, 2) for step in range(1, 20)]


def results(
    persons: Callable[[float], int], precision: Callable[[float], float | None] = lambda _: 0.9
) -> list[ThresholdResult]:
    return [ThresholdResult(step, persons(step), 50, precision(step)) for step in STEPS]


@pytest.mark.parametrize(
    ("persons", "wanted"),
    [
        # strangers join below 0.2, parts of one person from 0.4 on
        (lambda t: 100 + (10 if t >= 0.2 else 0) + (round(100 * (t - 0.4)) if t > 0.4 else 0), 0.3),
        # nothing changes anywhere: the middle of all
        (lambda _: 70, 0.5),
        # of two ranges without a change the middle of both together
        (lambda t: 100 if t < 0.5 else 200, 0.55),
        # each step changes some, those around 0.75 and 0.8 the fewest
        (lambda t: round(1000 * t) - (40 if t >= 0.8 else 0), 0.8),
    ],
)
def test_the_threshold_is_where_the_fewest_persons_change(
    persons: Callable[[float], int], wanted: float
) -> None:
    assert stable_threshold(results(persons)) == wanted


def test_what_would_link_too_much_is_no_choice() -> None:
    def precision(threshold: float) -> float | None:
        return 0.6 if threshold < 0.6 else 0.85

    # stable up to 0.5, where two in five pairs are wrong
    chosen = stable_threshold(results(lambda t: 100 if t < 0.55 else round(1000 * t), precision))
    assert chosen == 0.75
    assert stable_threshold(results(lambda _: 100, lambda _: 0.6)) == 0.9
    assert stable_threshold(results(lambda _: 100, lambda _: None)) == 0.9


def test_persons_and_pairs_of_a_threshold_are_counted(spark_session: SparkSession) -> None:
    rows = [
        # three that are one person from 0.3 down, two of them from 0.8; and two others
        (0.8, 0.8, True),
        (0.5, 0.3, True),
        (0.1, 0.3, False),
        (0.96, 0.96, True),
    ]
    joined = small_frame(spark_session, rows, "score double, joined_at double, joins boolean")
    counted = {row.threshold: row for row in measure_thresholds(joined, 7, own=0.97)}
    assert sorted(counted) == [*STEPS, 0.97]
    assert counted[0.05] == (0.05, 4, 4, round((0.8 + 0.5 + 0.1 + 0.96) / 4, 6))
    assert counted[0.3] == (0.3, *counted[0.05][1:])
    assert counted[0.35] == (0.35, 5, 2, 0.88)
    assert counted[0.95] == (0.95, 6, 1, 0.96)
    assert counted[0.97] == (0.97, 7, 0, None)
