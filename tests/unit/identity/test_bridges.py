"""Bridges against networkx."""

import networkx as nx
import numpy as np
from hypothesis import given, settings, strategies as st

from databank.identity.bridges import find_bridges

_LINKS = st.sets(
    st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda pair: pair[0] < pair[1]),
    max_size=30,
)


def _bridges(links: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    ends = np.array(links, np.int64).reshape(-1, 2)
    bridge, smaller = find_bridges(ends[:, 0], ends[:, 1])
    assert not smaller[~bridge].any()
    return {
        link: size
        for link, is_bridge, size in zip(links, bridge.tolist(), smaller.tolist(), strict=True)
        if is_bridge
    }


def _expected(links: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    graph, sizes = nx.Graph(links), {}
    for a, b in nx.bridges(graph):
        graph.remove_edge(a, b)
        left, right = (len(nx.node_connected_component(graph, end)) for end in (a, b))
        sizes[min(a, b), max(a, b)] = min(left, right)
        graph.add_edge(a, b)
    return sizes


@settings(max_examples=300, deadline=None)
@given(links=_LINKS, shift=st.sampled_from([-(2**63), 0, 2**63 - 16]))
def test_bridges_and_what_they_cut_off_are_those_of_networkx(
    links: set[tuple[int, int]], shift: int
) -> None:
    moved = [(a + shift, b + shift) for a, b in sorted(links)]
    assert _bridges(moved) == _expected(moved)


def test_a_long_chain_and_a_long_cycle() -> None:
    chain = [(n, n + 1) for n in range(3000)]
    assert _bridges(chain) == {(n, n + 1): min(n + 1, 3000 - n) for n in range(3000)}
    assert not _bridges([*chain, (0, 3000)])
