"""The shortest chain of evidence, against networkx."""

from datetime import UTC, datetime, timedelta

import networkx as nx
import numpy as np
import pytest

from databank.identity.evidence_path import EvidenceRow, shortest_path, weakest_link

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def row(a: int, b: int, n: int = 1, day: int = 0, source: str = "web") -> EvidenceRow:
    at = FIRST + timedelta(days=day)
    return EvidenceRow(a, b, source, "event", at, at, n)


@pytest.mark.parametrize("seed", range(40))
def test_fewest_links_and_of_those_the_strongest_weakest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(4, 14))
    ends = rng.integers(0, size, (int(rng.integers(3, 40)), 2)).tolist()
    rows = [row(a, b, int(rng.integers(1, 6))) for a, b in ends]
    graph = nx.Graph()
    graph.add_nodes_from(range(size))
    for each in rows:
        if each.a_key != each.b_key:
            before = graph.get_edge_data(each.a_key, each.b_key, {"n": 0})["n"]
            graph.add_edge(each.a_key, each.b_key, n=before + each.n)
    chain = shortest_path(rows, 0, 1)
    if not nx.has_path(graph, 0, 1):
        assert chain is None
        return
    assert chain is not None
    paths = list(nx.all_shortest_paths(graph, 0, 1))
    assert len(chain) == len(paths[0]) - 1
    best = max(min(graph.edges[pair]["n"] for pair in nx.utils.pairwise(path)) for path in paths)
    assert min(link.strength[2] for link in chain) == best
    assert [link.start for link in chain] + [1] == [0] + [link.end for link in chain]
    assert shortest_path([rows[n] for n in rng.permutation(len(rows))], 0, 1) == chain


def test_the_same_whatever_the_order_and_evidence_of_a_pair_together() -> None:
    rows = [row(1, 2, 3), row(2, 1, 1, day=5, source="crm"), row(2, 3, 4), row(3, 9, 4, day=1)]
    chain = shortest_path(rows, 1, 9)
    assert chain == shortest_path(rows[::-1], 1, 9)
    assert chain is not None
    assert [(link.start, link.end) for link in chain] == [(1, 2), (2, 3), (3, 9)]
    assert [e.source for e in chain[0].evidence] == ["web", "crm"]
    # four records each: the one seen longest ago is the weakest
    assert weakest_link(chain) == chain[1]


def test_a_likely_pair_is_weaker_than_any_sight() -> None:
    likely = row(1, 2, 9, day=5)._replace(rule="linkage", score=0.999)
    chain = shortest_path([likely, row(2, 3, 1)], 1, 3)
    assert chain is not None
    assert weakest_link(chain) == chain[0]


def test_one_identifier_is_itself_and_a_stranger_is_not_reached() -> None:
    assert shortest_path([row(1, 1), row(2, 3)], 1, 1) == []
    assert shortest_path([row(1, 1), row(2, 3)], 1, 3) is None
    assert weakest_link([]) is None
