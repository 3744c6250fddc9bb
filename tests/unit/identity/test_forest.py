"""Components in one task, against numpy and scipy."""

import networkx as nx
import numpy as np
import pytest

from databank.identity.components.check import (
    ComponentsCheckError,
    prove_choice,
    prove_codes,
    prove_forest,
    prove_labels,
)
from databank.identity.components.forest import build_forest, dense_codes, merge
from databank.identity.components.mixing import first_of_trees, mix, reordered, slice_starts, unmix

LOWEST, HIGHEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
RNG = np.random.default_rng(11)
VALUES = {
    "none": np.array([], np.int64),
    "one": np.array([7], np.int64),
    "equal": np.full(1000, -3),
    "small": RNG.integers(-5, 5, 1000),
    "any": RNG.integers(LOWEST, HIGHEST, 100_000),
    "repeated": RNG.choice(RNG.integers(LOWEST, HIGHEST, 5000), 300_000),
    "ends of the range": np.array([HIGHEST, LOWEST, 0, -1, HIGHEST, LOWEST]),
    # few share their upper bits, and come in falling order
    "close pairs": np.concatenate([RNG.integers(0, HIGHEST - 9, 500)] * 2) + np.repeat([1, 0], 500),
    # far more than a few share their upper bits
    "two far clusters": RNG.permutation(
        np.concatenate([np.arange(50_000), HIGHEST - np.arange(50_000)])
    ),
    "twenty thousand close pairs": np.concatenate(
        [(np.arange(20_000) << 40) + 1, np.arange(20_000) << 40]
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_dense_codes_are_those_of_numpy(name: str) -> None:
    values = VALUES[name]
    unique, inverse = np.unique(values, return_inverse=True)
    got, codes = dense_codes(values)
    np.testing.assert_array_equal(got, unique)
    np.testing.assert_array_equal(codes, inverse)


@pytest.mark.parametrize("edges", [1, 50, 400, 1500, 5000])
def test_roots_are_the_smallest_ids_of_their_components(edges: int) -> None:
    ids = RNG.integers(LOWEST, HIGHEST, 1000)
    u, v = RNG.choice(ids, edges), RNG.choice(ids, edges)
    graph = nx.Graph(zip(u.tolist(), v.tolist(), strict=True))
    expected = {i: min(part) for part in nx.connected_components(graph) for i in part}
    forest = build_forest(u, v)
    assert dict(zip(forest.ids.tolist(), forest.ids[forest.root].tolist(), strict=True)) == expected


def test_merged_lists_are_in_order_and_have_each_id_once() -> None:
    lists = [np.unique(RNG.integers(LOWEST, HIGHEST, size)) for size in (500, 1, 3000)]
    lists.append(lists[0][::3])
    np.testing.assert_array_equal(merge(lists), np.unique(np.concatenate(lists)))


def test_a_wrong_forest_is_told_apart() -> None:
    u, v = np.array([1, 2, 8, 9]), np.array([2, 3, 9, 9])
    forest = build_forest(u, v)
    prove_forest(u, v, forest)
    codes = forest.root.dtype
    for message, wrong in {
        "wrong: ids$": forest._replace(ids=np.array([1, 2, 4, 8, 9])),
        "an edge between": forest._replace(root=np.array([0, 0, 2, 3, 3], codes)),
        "a root under": forest._replace(root=np.array([3, 3, 3, 4, 4], codes)),
        "trees too many or too few": forest._replace(root=np.zeros(5, codes)),
        "ids that no edge has": forest._replace(
            ids=np.append(forest.ids, 77), root=np.append(forest.root, 5).astype(codes)
        ),
    }.items():
        with pytest.raises(ComponentsCheckError, match=message):
            prove_forest(u, v, wrong)


def test_wrong_labels_of_forests_are_told_apart() -> None:
    # two chunks: 1-2 and 8-9; 2-3, so that 1, 2 and 3 are one component
    chunks = [
        (np.array([1, 2, 8, 9]), np.array([0, 0, 2, 2], np.int32)),
        (np.array([2, 3]), np.array([0, 0], np.int32)),
    ]
    right = {
        "known": np.array([1, 2, 3, 8, 9]),
        "a": np.array([0, 1, 3, 4, 1, 2], np.int32),
        "b": np.array([0, 0, 3, 3, 1, 1], np.int32),
        "ids": np.array([-1, -2, -3, 8, 9]),
        "labels": np.array([-3, -3, -3, 8, 8]),
    }
    prove_labels(chunks, **right)
    for message, wrong in {
        "wrong: ids$": {"known": np.array([1, 2, 3, 9, 9])},
        "wrong: roots$": {"b": np.array([0, 0, 3, 3, 1, 2], np.int32)},
    }.items():
        with pytest.raises(ComponentsCheckError, match=message):
            prove_labels(chunks, **{**right, **wrong})
    with pytest.raises(ComponentsCheckError, match=r"wrong: ids$"):
        prove_labels(chunks[:1], **right)
    for labels in ([-2, -2, -2, 8, 8], [-3, -3, -3, -3, -3], [-2, -2, -3, 8, 8]):
        with pytest.raises(ComponentsCheckError, match="labels that are not the smallest ids"):
            prove_labels(chunks, **{**right, "labels": np.array(labels)})


def test_numbers_must_lead_back_to_their_values() -> None:
    values = np.array([7, 3, 7])
    prove_codes(values, np.array([3, 7]), np.array([1, 0, 1]))
    for known, codes in (([3, 7], [0, 0, 1]), ([7, 3], [0, 1, 0])):
        with pytest.raises(ComponentsCheckError, match="numbers of ids"):
            prove_codes(values, np.array(known), np.array(codes))


def test_the_first_of_a_tree_is_one_of_it_and_not_always_the_smallest() -> None:
    ids = np.sort(mix(np.arange(9000), 0))
    root = (np.arange(9000) // 3 * 3).astype(np.int32)
    first = first_of_trees(ids, root, 5)
    trees = first.reshape(3000, 3)
    assert (trees == trees[:, :1]).all()
    place = [int((ids.reshape(3000, 3)[at] == trees[at, 0]).argmax()) for at in range(3000)]
    assert min(np.bincount(place, minlength=3)) > 900


def test_a_representative_must_be_one_of_the_roots() -> None:
    roots, first = np.array([5, 6, 7]), np.array([0, 2])
    prove_choice(roots, first, np.array([6, 7]))
    with pytest.raises(ComponentsCheckError, match="a chosen root"):
        prove_choice(roots, first, np.array([6, 5]))


@pytest.mark.parametrize("key", [0, 1, 17])
def test_mixing_can_be_undone(key: int) -> None:
    ids = np.concatenate([VALUES["any"], VALUES["ends of the range"]])
    np.testing.assert_array_equal(unmix(mix(ids, key), key), ids)
    assert not np.array_equal(mix(ids, key), mix(ids, key + 1))
    np.testing.assert_array_equal(reordered(mix(ids, 0), key), mix(ids, key))


def test_slices_are_equal_parts_of_the_range() -> None:
    ids = np.sort(mix(np.arange(100_000), 0))
    starts = slice_starts(8)
    held = np.diff([0, *np.searchsorted(ids, starts), ids.size])
    assert held.sum() == ids.size
    assert 12_000 < held.min() <= held.max() < 13_000
