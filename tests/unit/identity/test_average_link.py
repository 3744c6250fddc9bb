"""Joining by average link, against a loop that joins the two nearest groups over and over."""

import itertools

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from databank.identity.linkage.average_link import join_by_average_link, join_components
from databank.session import small_frame

COLUMNS = ["component", "a_key", "b_key", "score"]
Pair = tuple[int, int]


def given(*pairs: tuple[int, int, float], component: int = 1) -> pd.DataFrame:
    return pd.DataFrame([(component, *pair) for pair in pairs], columns=COLUMNS)


def groups_at(joined: pd.DataFrame, threshold: float) -> set[frozenset[int]]:
    """Closure of the pairs that are joined at a threshold, without identifiers alone."""
    groups: list[set[int]] = []
    linked = joined[joined["joined_at"] >= threshold]
    for pair in zip(linked["a_key"], linked["b_key"], strict=True):
        touching = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if group not in touching]
        groups.append(set(pair).union(*touching))
    return {frozenset(group) for group in groups}


def agglomerated(scores: dict[Pair, float], threshold: float) -> set[frozenset[int]]:
    """Join the two groups with the highest mean probability while it is high enough."""
    groups = {frozenset([key]) for pair in scores for key in pair}

    def mean(a: frozenset[int], b: frozenset[int]) -> float:
        values = [scores.get((min(x, y), max(x, y)), 0.0) for x in a for y in b]
        return sum(values) / len(values)

    while len(groups) > 1:
        a, b = max(itertools.combinations(groups, 2), key=lambda pair: mean(*pair))
        if mean(a, b) < threshold:
            break
        groups = (groups - {a, b}) | {a | b}
    return {group for group in groups if len(group) > 1}


@pytest.mark.parametrize("seed", range(12))
def test_each_threshold_gives_the_groups_of_the_loop(seed: int) -> None:
    chance = np.random.default_rng(seed)
    size = int(chance.integers(3, 14))
    keys = np.sort(chance.choice(10**15, size, replace=False)).tolist()
    pairs = [pair for pair in itertools.combinations(keys, 2) if chance.random() < 0.6]
    scores = {pair: float(chance.uniform(0.01, 0.999999)) for pair in pairs}
    joined = join_components(given(*((*pair, score) for pair, score in scores.items())))
    for threshold in (0.05, 0.15, 0.3, 0.45, 0.7, 0.95):
        wanted = agglomerated(scores, threshold)
        assert groups_at(joined, threshold) == wanted
        # all pairs of a group say so, whether they were scored or not
        linked = joined[joined["joined_at"] >= threshold]
        assert len(linked) == sum(len(group) * (len(group) - 1) // 2 for group in wanted)
        assert linked["joins"].sum() == sum(len(group) - 1 for group in wanted)
    kept = joined.set_index(["a_key", "b_key"])["score"]
    assert {pair: kept[pair] for pair in pairs} == scores


def test_one_wrong_pair_does_not_make_one_person_of_two() -> None:
    # 1-3 and 7-9 are sure of each other; 3 and 7 agree by chance
    sure = [(*pair, 0.99) for pair in itertools.combinations((1, 2, 3), 2)]
    sure += [(*pair, 0.98) for pair in itertools.combinations((7, 8, 9), 2)]
    joined = join_components(given(*sure, (3, 7, 0.97)))
    # nine pairs between both, of which one is likely
    between = round(0.97 / 9, 6)
    at = joined.set_index(["a_key", "b_key"])["joined_at"].to_dict()
    assert at[1, 2] == at[1, 3] == 0.99
    assert at[3, 7] == at[1, 9] == between
    assert groups_at(joined, 0.3) == {frozenset([1, 2, 3]), frozenset([7, 8, 9])}
    assert groups_at(joined, 0.1) == {frozenset([1, 2, 3, 7, 8, 9])}


def test_the_order_of_rows_means_nothing_where_averages_are_equal() -> None:
    pairs = given((1, 2, 0.8), (2, 3, 0.8), (3, 4, 0.8), (4, 5, 0.8), (1, 5, 0.8), (2, 5, 0.4))
    pairs = pd.concat([pairs, given((6, 7, 0.6), component=6)], ignore_index=True)
    wanted = join_components(pairs)
    for seed in range(6):
        mixed = join_components(pairs.sample(frac=1, random_state=seed))
        pd.testing.assert_frame_equal(mixed, wanted)


def test_a_pair_alone_is_joined_at_its_own_probability(spark_session: SparkSession) -> None:
    rows = [(1, 1, 2, 0.7), (3, 3, 4, 0.02), (2**62, 2**62, 2**62 + 1, 0.999999)]
    schema = "component bigint, a_key bigint, b_key bigint, score double"
    joined = join_by_average_link(small_frame(spark_session, rows, schema), len(rows))
    assert sorted(map(tuple, joined.collect())) == [(*row, row[3], True) for row in rows]
    nothing = join_by_average_link(small_frame(spark_session, [], schema), 0)
    assert nothing.collect() == []
