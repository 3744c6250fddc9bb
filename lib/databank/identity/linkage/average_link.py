"""Average link: two groups of profiles are one person's if their pairs are likely on average.

Closure (each likely pair links) makes one person of two by a single wrong pair. Here all pairs
between two groups count: the two groups with the highest average are joined first, and so on until
one is left (Sokal and Michener's UPGMA). The average at which two profiles come together is the
highest match threshold at which they are one person's; it never rises on the way, so that each
threshold is a cut of one tree.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform

from databank.columns import require_columns

LOWEST = 0.05  # the lowest match threshold; pairs below it need no row
_DIGITS = 6
_A_TASK = 2_000_000  # pairs, about 100 bytes each
_JOINED = (
    "component bigint, a_key bigint, b_key bigint, score double, joined_at double, joins boolean"
)


def join_by_average_link(pairs: DataFrame, count: int) -> DataFrame:
    """Find from which threshold on identifiers of a component are one person's, in one task each.

    Args:
        pairs: component, a_key < b_key (bigint), score (0-1); a pair without a row is 0.
        count: Rows of it.

    Returns:
        component, a_key, b_key, score (0 where there was no row), joined_at (the highest threshold
        at which both are one person's), joins (whether one threshold higher there is a person more
        for it: one pair of each join). Pairs with joined_at < 0.05 and no row of their own are left
        out.
    """
    require_columns(pairs, "component", "a_key", "b_key", "score", where="join_by_average_link")
    parallelism = pairs.sparkSession.sparkContext.defaultParallelism
    tasks = max(parallelism, -(-count // _A_TASK))
    columns = pairs.select("component", "a_key", "b_key", "score")
    return columns.repartition(tasks, "component").mapInPandas(_join_task, _JOINED)


def _join_task(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    given = list(batches)
    if given:
        yield join_components(pd.concat(given, ignore_index=True))


def join_components(pairs: pd.DataFrame) -> pd.DataFrame:
    """Do what `join_by_average_link` does, for the components of one task."""
    # ties between averages are broken by the order of ids
    pairs = pairs.sort_values(["component", "a_key", "b_key"], ignore_index=True)
    alone = ~pairs["component"].duplicated(keep=False)
    single = pairs[alone]
    parts = [single.assign(joined_at=single["score"], joins=True)]
    parts += [_joined(part) for _, part in pairs[~alone].groupby("component", sort=False)]
    return pd.concat(parts, ignore_index=True)


def _joined(pairs: pd.DataFrame) -> pd.DataFrame:
    """Join the identifiers of one component, two or more pairs."""
    ends = pairs[["a_key", "b_key"]].to_numpy()
    keys, places = np.unique(ends, return_inverse=True)
    left, right = places.reshape(ends.shape).T
    score = np.zeros((keys.size, keys.size))
    score[left, right] = score[right, left] = pairs["score"]
    has_row = np.zeros(score.shape, dtype=bool)
    has_row[left, right] = True
    apart = 1 - score
    np.fill_diagonal(apart, 0)
    joined = _heights(apart)
    rows, columns = np.triu_indices(keys.size, 1)
    joins = np.zeros(score.shape, dtype=bool)
    joins[_partners(joined), np.arange(1, keys.size)] = True
    wanted = has_row[rows, columns] | (joined[rows, columns] >= LOWEST) | joins[rows, columns]
    rows, columns = rows[wanted], columns[wanted]
    return pd.DataFrame(
        {
            "component": pairs["component"].iloc[0],
            "a_key": keys[rows],
            "b_key": keys[columns],
            "score": score[rows, columns],
            "joined_at": joined[rows, columns],
            "joins": joins[rows, columns],
        }
    )


def _heights(apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the average probability at which each two come together, from distances."""
    tree = linkage(squareform(apart, checks=False), "average")
    joined: NDArray[np.float64] = squareform(1 - cophenet(tree), checks=False)
    return np.maximum(np.round(joined, _DIGITS), 0)


def _partners(joined: NDArray[np.float64]) -> NDArray[np.intp]:
    """Choose for each identifier but the first the earlier one that it comes to first.

    At any threshold an identifier begins a person if it is not joined with an earlier one. So there
    are as many persons fewer than identifiers as there are such pairs at or above the threshold.
    """
    earlier = np.where(np.triu(np.ones(joined.shape, dtype=bool), 1), joined, -1.0)
    partners: NDArray[np.intp] = earlier[:, 1:].argmax(axis=0)
    return partners
