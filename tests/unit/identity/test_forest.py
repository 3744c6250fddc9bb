"""Components in one task, against numpy and scipy."""

import networkx as nx
import numpy as np
import pytest

from databank.identity.components.check import (
    ComponentsCheckError,
    prove_choice,
    prove_forest,
    prove_rows,
)
from databank.identity.components.forest import (
    build_forest,
    count_distinct,
    dense_codes,
    spanning_rows,
)
from databank.identity.components.rounds import mix, unmix

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
    assert count_distinct(values) == unique.size


@pytest.mark.parametrize("edges", [1, 50, 400, 1500, 5000])
def test_roots_are_the_smallest_ids_of_their_components(edges: int) -> None:
    ids = RNG.integers(LOWEST, HIGHEST, 1000)
    u, v = RNG.choice(ids, edges), RNG.choice(ids, edges)
    graph = nx.Graph(zip(u.tolist(), v.tolist(), strict=True))
    expected = {i: min(part) for part in nx.connected_components(graph) for i in part}
    forest = build_forest(u, v)
    assert dict(zip(forest.ids.tolist(), forest.ids[forest.root].tolist(), strict=True)) == expected


def test_spanning_rows_name_every_id_and_connect_the_same() -> None:
    u = np.array([5, 5, 9, 9, 4, 1])
    v = np.array([5, 5, 8, 7, 4, 4])
    ids, roots = spanning_rows(build_forest(u, v))
    assert sorted(zip(ids.tolist(), roots.tolist(), strict=True)) == [
        (4, 1),
        (5, 5),
        (8, 7),
        (9, 7),
    ]


def test_a_wrong_forest_is_told_apart() -> None:
    u, v = np.array([1, 2, 8, 9]), np.array([2, 3, 9, 9])
    forest = build_forest(u, v)
    prove_forest(u, v, forest)
    prove_rows(forest, *spanning_rows(forest))
    codes = forest.root.dtype
    for told, wrong in {
        "ids": forest._replace(ids=np.array([1, 2, 4, 8, 9])),
        "an edge between": forest._replace(root=np.array([0, 0, 2, 3, 3], codes)),
        "a root under": forest._replace(root=np.array([3, 3, 3, 4, 4], codes)),
        "trees too many or too few": forest._replace(root=np.zeros(5, codes)),
    }.items():
        with pytest.raises(ComponentsCheckError, match=told):
            prove_forest(u, v, wrong)
    with pytest.raises(ComponentsCheckError, match="rows lose"):
        prove_rows(forest, np.array([2, 3]), np.array([1, 1]))
    with pytest.raises(ComponentsCheckError, match="another tree"):
        prove_rows(forest, np.array([2, 3, 9]), np.array([1, 8, 8]))


def test_a_representative_must_be_one_of_the_roots() -> None:
    codes, roots = np.array([0, 0, 1]), np.array([5, 6, 7])
    prove_choice(codes, roots, np.array([6, 7]))
    with pytest.raises(ComponentsCheckError, match="nobody named"):
        prove_choice(codes, roots, np.array([6, 5]))


@pytest.mark.parametrize("key", [0, 1, 17])
def test_mixing_can_be_undone(key: int) -> None:
    ids = np.concatenate([VALUES["any"], VALUES["ends of the range"]])
    np.testing.assert_array_equal(unmix(mix(ids, key), key), ids)
    assert not np.array_equal(mix(ids, key), mix(ids, key + 1))
