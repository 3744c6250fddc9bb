"""The graph of each person against networkx."""

from datetime import date

import networkx as nx
import numpy as np
from pyspark.sql import SparkSession

from databank.identity.graph_metrics import describe_clusters
from databank.session import small_frame

_NAMES = ("identifiers", "links", "density", "bridges", "weak_bridges", "conflicts")
_REJECTED = "a_key bigint, b_key bigint, rule string, reason string, day date"


def _graphs() -> dict[int, nx.Graph]:
    rng = np.random.default_rng(11)
    graphs = {}
    for person in range(1, 60):
        size = int(rng.integers(1, 14))
        graph = nx.gnm_random_graph(size, int(size * rng.uniform(0.7, 1.6)), seed=person)
        graphs[person] = nx.relabel_nodes(graph, {n: person * 100 + n for n in graph})
    return graphs


def _expected(graph: nx.Graph, conflicts: int) -> tuple[float, ...]:
    bridges = set(nx.bridges(graph))
    weak_bridges = 0
    for a, b in bridges:
        left = nx.Graph(graph)
        left.remove_edge(a, b)
        weak_bridges += min(len(nx.node_connected_component(left, end)) for end in (a, b)) > 1
    size = len(graph)
    return (
        size, graph.number_of_edges(), nx.density(graph), len(bridges), weak_bridges, conflicts,
    )  # fmt: skip


def test_persons_are_described_as_networkx_does(spark_session: SparkSession) -> None:
    graphs = _graphs()
    persons = [(node, person) for person, graph in graphs.items() for node in graph]
    links = [pair for graph in graphs.values() for pair in graph.edges]
    # twice, backwards, to itself, across persons, and from what belongs to nobody
    links += [(b, a) for a, b in links[::3]] + [(101, 101), (101, 201), (102, 7)]
    # 101-201 is refused twice over; 301 is set aside
    refused = [
        (101, 201, "person"),
        (201, 101, "manual"),
        (101, 302, "person"),
        (301, None, "limit"),
    ]
    rows = describe_clusters(
        small_frame(spark_session, persons, "id_key bigint, person_id bigint"),
        small_frame(spark_session, links, "a_key bigint, b_key bigint"),
        small_frame(
            spark_session, [(*row, "why", date(2026, 3, 31)) for row in refused], _REJECTED
        ),
    ).collect()
    described = {row["person_id"]: tuple(row[name] for name in _NAMES) for row in rows}
    conflicts = {1: 2, 2: 1, 3: 1}
    assert described == {
        person: _expected(graph, conflicts.get(person, 0))
        for person, graph in graphs.items()
        if len(graph) > 1
    }


def test_a_refused_link_within_a_person_is_a_conflict_and_no_link(
    spark_session: SparkSession,
) -> None:
    rows = [(1, 2, "manual", "why", date(2026, 3, 31))]
    (row,) = describe_clusters(
        small_frame(spark_session, [(n, 5) for n in (1, 2, 3)], "id_key bigint, person_id bigint"),
        small_frame(spark_session, [(1, 2), (2, 3), (1, 3)], "a_key bigint, b_key bigint"),
        small_frame(spark_session, rows, _REJECTED),
    ).collect()
    assert tuple(row[name] for name in ("links", "bridges", "conflicts")) == (2, 2, 1)
