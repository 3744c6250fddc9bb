"""The gain curve and the ranking."""

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.testing import assertDataFrameEqual

from databank.lookalike.rank import SHARES, curve, gain_curve, top
from databank.models.metrics import Bins
from tests.support.frames import frame


def test_a_perfect_ranking_finds_all_seeds_at_the_top() -> None:
    bins = Bins(np.array([9, 1]), np.array([10.0, 990.0]), np.array([10.0, 0.0]))
    points = {point.share: point for point in curve(bins)}
    assert points[0.01].recall == 1
    assert points[0.01].lift == pytest.approx(100)
    assert points[0.005].recall == pytest.approx(0.5)
    assert points[1.0].lift == 1


def test_equal_scores_are_a_random_choice(spark_session: SparkSession) -> None:
    rows = "\n".join(f"{'hidden' if n < 5 else 'unlabelled'} | 0.2" for n in range(100))
    points = gain_curve(frame(spark_session, "role string, likeness double", rows))
    assert [point.share for point in points] == list(SHARES)
    assert [point.lift for point in points] == pytest.approx([1.0] * len(SHARES))


def test_the_most_similar_come_first_with_their_level(spark_session: SparkSession) -> None:
    rows = """4 | 0.1 | 0.2
              3 | 0.9 | 1.0
              7 | 0.5 | 0.9
              5 | 0.5 | 0.9"""
    scored = frame(spark_session, "person_id bigint, likeness double, score double", rows)
    ranked = top(scored, limit=3, candidates=4, levels={"medium": 0.5, "high": 0.25})
    expected = """3 | 1 | 1.0 | high
                  5 | 2 | 0.9 | medium
                  7 | 3 | 0.9 |"""
    schema = "person_id bigint, rank bigint, score double, level string"
    assertDataFrameEqual(
        ranked.orderBy("rank"), frame(spark_session, schema, expected), ignoreNullable=True
    )
