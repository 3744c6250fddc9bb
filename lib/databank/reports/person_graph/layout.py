"""Where the identifiers of a person stand in its drawing."""

from collections.abc import Collection
from math import sqrt

import networkx as nx
import numpy as np
from numpy.typing import NDArray

Places = dict[int, tuple[float, float]]
# distances of all pairs look best, and take seconds for hundreds
_SMALL = 60
_SEED = 7


def place_dots(keys: Collection[int], pairs: Collection[tuple[int, int]]) -> Places:
    """Place tied identifiers close together, and parts without a tie side by side.

    The longest way through a person lies across. The order of the rows plays no part.

    Args:
        keys: All identifiers.
        pairs: Those that are tied.
    """
    whole = nx.Graph()
    whole.add_nodes_from(keys)
    whole.add_edges_from(pairs)
    places: Places = {}
    left = 0.0
    for part in sorted(nx.connected_components(whole), key=lambda part: (-len(part), min(part))):
        order = sorted(part)
        graph = nx.Graph()
        graph.add_nodes_from(order)
        graph.add_edges_from(sorted(pair for pair in pairs if pair[0] in part))
        at = _across(_alone(graph)) * sqrt(len(order))
        at[:, 0] += left - at[:, 0].min()
        left = float(at[:, 0].max()) + 1
        places |= {
            key: (round(float(x), 3), round(float(y), 3))
            for key, (x, y) in zip(order, at, strict=True)
        }
    return places


def _alone(graph: nx.Graph) -> NDArray[np.float64]:
    """Place the nodes of one part about 0, within -1 and 1: one row for each node."""
    if len(graph) <= _SMALL:
        places = nx.kamada_kawai_layout(graph)
    else:
        places = nx.spring_layout(graph, seed=_SEED, iterations=100, method="force")
    return np.array([places[key] for key in graph])


def _across(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn the places so that they differ most from left to right."""
    if len(at) < 2:
        return at
    middle = at - at.mean(axis=0)
    _, axes = np.linalg.eigh(middle.T @ middle)
    turned: NDArray[np.float64] = middle @ axes[:, ::-1]
    return turned
