"""Agreement of two partitions, against all pairs counted one by one."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings, strategies as st
from pyspark.sql import SparkSession

from databank.demo.agreement import Agreement, measure_agreement
from databank.errors import MissingColumnsError
from databank.session import small_frame

Item = tuple[int | None, int]
ITEMS = st.lists(st.tuples(st.none() | st.integers(1, 4), st.integers(1, 4)), min_size=1)


def counted(items: list[Item]) -> Agreement:
    pairs = list(combinations(items, 2))
    predicted = [a[0] is not None and a[0] == b[0] for a, b in pairs]
    real = [a[1] == b[1] for a, b in pairs]
    both = sum(s and r for s, r in zip(predicted, real, strict=True))
    precision = both / sum(predicted) if any(predicted) else 0.0
    recall = both / sum(real) if any(real) else 0.0
    shares = []
    for item in items:
        group = [item] if item[0] is None else [member for member in items if member[0] == item[0]]
        same = sum(member[1] == item[1] for member in group)
        shares.append((same / len(group), same / Counter(t for _, t in items)[item[1]]))
    cubed = [sum(column) / len(items) for column in zip(*shares, strict=True)]
    return Agreement(precision, recall, f1(precision, recall), *cubed, f1(*cubed))


def f1(precision: float, recall: float) -> float:
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


@settings(max_examples=12, deadline=None)
@given(ITEMS)
def test_it_is_what_counting_all_pairs_gives(
    spark_session: SparkSession, items: list[Item]
) -> None:
    agreement = measure_agreement(
        small_frame(spark_session, items, "predicted bigint, true bigint")
    )
    assert agreement == pytest.approx(counted(items))


def test_two_that_are_alone_are_no_pair(spark_session: SparkSession) -> None:
    items = small_frame(spark_session, [(None, 1), (None, 1)], "predicted bigint, true bigint")
    assert measure_agreement(items) == (0, 0, 0, 1, 0.5, pytest.approx(2 / 3))


def test_a_missing_column_is_named(spark_session: SparkSession) -> None:
    with pytest.raises(MissingColumnsError, match="true"):
        measure_agreement(small_frame(spark_session, [], "predicted bigint"))
