"""Find the bridges of a graph: links without which what they join falls into two parts.

A cycle passes over both ends of a cut or over none. Each link outside a spanning forest gets a
random 64-bit number, and each link of the forest the exclusive or of the numbers of all cycles
that it is part of; it is a bridge if and only if that is 0, but for a chance of 2^-64 a link
(Pritchard and Thurimella, Fast computation of small cuts via cycle space sampling, 2011). All of
it is linear, and numpy does it level by level for any number of graphs at once.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

Ids = NDArray[np.int64]


def find_bridges(a: Ids, b: Ids) -> tuple[NDArray[np.bool_], Ids]:
    """Find which links are bridges, and how many nodes each of them would cut off.

    Args:
        a: One end of each link, any numbers.
        b: The other end; no link to itself, and no pair twice.

    Returns:
        For each link whether it is a bridge, and the number of nodes of the smaller part without
        it (0 for links that are no bridge).
    """
    if not a.size:
        return np.zeros(0, np.bool_), np.zeros(0, np.int64)
    nodes, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    a, b, n = codes[: a.size], codes[a.size :], nodes.size
    order, parent, label = _forest(a, b, n)
    first, second = parent[a] == b, parent[b] == a
    inside = first | second
    below = np.where(first, a, b)
    cycles, sizes = np.zeros(n + 1, np.uint64), np.ones(n + 1, np.int64)
    chosen = np.random.default_rng(n).integers(1, 2**64, (~inside).sum(), np.uint64)
    for end in (a, b):
        np.bitwise_xor.at(cycles, end[~inside], chosen)
    for level in reversed(_levels(order, parent)):
        np.bitwise_xor.at(cycles, parent[level], cycles[level])
        np.add.at(sizes, parent[level], sizes[level])
    bridge = inside & (cycles[below] == 0)
    whole = np.bincount(label)[label[below]]
    return bridge, np.where(bridge, np.minimum(sizes[below], whole - sizes[below]), 0)


def _forest(a: Ids, b: Ids, n: int) -> tuple[Ids, Ids, Ids]:
    """Order nodes by breadth from a root n above all graphs; with their parents and graphs."""
    ones = np.ones(a.size, np.bool_)
    _, label = connected_components(coo_matrix((ones, (a, b)), shape=(n, n)), directed=False)
    _, tops = np.unique(label, return_index=True)
    ends = np.concatenate([a, np.full(tops.size, n)]), np.concatenate([b, tops])
    graph = coo_matrix((np.ones(ends[0].size, np.bool_), ends), shape=(n + 1, n + 1)).tocsr()
    order, parent = breadth_first_order(graph, n, directed=False)
    return order.astype(np.int64), parent.astype(np.int64), label


def _levels(order: Ids, parent: Ids) -> list[Ids]:
    """Group nodes by their distance from the root, the nearest first, the root left out."""
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    # nodes come in the order of their parents
    above = place[parent[order[1:]]]
    levels, high = [], 1
    while high < order.size:
        after = 1 + int(np.searchsorted(above, high))
        levels.append(order[high:after])
        high = after
    return levels
