"""Components of likely pairs, none larger than can be compared whole."""

from itertools import combinations
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.identity.linkage.components import likely_components
from databank.session import small_frame

Row = tuple[int, int, float]


@pytest.mark.slow
def test_what_is_too_large_is_parted_at_its_weaker_pairs(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    rows: list[Row] = [
        # two and three that hang together by a pair below 0.9: five are too many
        *((1, 2, 0.95), (2, 3, 0.6), (3, 4, 0.92), (4, 5, 0.92)),
        # four are not, whatever their pairs
        *((11, 12, 0.5), (12, 13, 0.5), (13, 14, 0.5)),
        # seven that part below 0.999 into four and three, a pair of which is gone at 0.9
        *((a, b, 0.9995) for a, b in combinations((21, 22, 23, 24), 2)),
        *((24, 25, 0.99), (25, 26, 0.9995), (26, 27, 0.7)),
        # five that are equal beyond telling
        *((a, b, 0.999999) for a, b in combinations(range(31, 36), 2)),
    ]
    pairs = small_frame(spark_session, rows, "a_key bigint, b_key bigint, score double")
    labels, indistinct = likely_components(
        pairs, scratch=str(tmp_path), local_budget=1_000_000, largest=4
    )
    groups: dict[int, set[int]] = {}
    for key, component in labels.collect():
        groups.setdefault(component, set()).add(key)
    assert groups == {
        1: {1, 2},
        3: {3, 4, 5},
        11: {11, 12, 13, 14},
        21: {21, 22, 23, 24},
        25: {25, 26},
    }
    assert indistinct == 5
