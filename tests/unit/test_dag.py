"""Orders of a graph of references, against networkx."""

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, strategies as st

from databank.dag import Dag


def test_a_circle_is_found_with_its_path_whatever_the_order() -> None:
    dag = Dag({"b": ["c"], "d": ["a"], "c": ["a"], "a": ["b"]})
    assert dag.find_cycle() == ["a", "b", "c", "a"]
    with pytest.raises(ValueError, match="a -> b -> c -> a"):
        dag.levels()
    with pytest.raises(ValueError, match="a -> b -> c -> a"):
        dag.batches(len)


def test_a_node_that_refers_to_itself_is_a_circle() -> None:
    assert Dag({"a": ["a"]}).find_cycle() == ["a", "a"]


def test_levels_keep_the_order_in_which_nodes_were_given() -> None:
    dag = Dag({"z": [], "b": ["z", "unknown"], "a": ["z"], "y": []})
    assert dag.levels() == [["z", "y"], ["b", "a"]]


def test_users_and_upstream_of_a_node() -> None:
    dag = Dag({"a": [], "b": ["a"], "c": ["a"], "d": ["b"]})
    assert dag.users() == {"a": ("b", "c"), "b": ("d",), "c": (), "d": ()}
    assert set(dag.upstream(["d"])) == {"a", "b", "d"}


def test_a_batch_has_all_of_its_key_that_can_come() -> None:
    dag = Dag({"a1": [], "a2": ["a1"], "b1": ["a2"], "a3": ["b1"], "b2": []})
    assert dag.batches(lambda node: node[0]) == [
        ("a", ["a1", "a2"]),
        ("b", ["b1", "b2"]),
        ("a", ["a3"]),
    ]


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_any_graph_is_judged_as_networkx_judges_it(pairs: set[tuple[int, int]]) -> None:
    references = {node: [b for a, b in pairs if a == node] for node in range(10)}
    oracle = nx.DiGraph((a, b) for a, b in pairs)
    oracle.add_nodes_from(range(10))
    dag = Dag(references)
    circle = dag.find_cycle()
    assert bool(circle) != nx.is_directed_acyclic_graph(oracle)
    if circle:
        assert circle[0] == circle[-1]
        assert all(b in references[a] for a, b in pairwise(circle))
        return
    generations = [sorted(level) for level in nx.topological_generations(oracle.reverse())]
    assert [sorted(level) for level in dag.levels()] == generations
    done: set[int] = set()
    for key, nodes in dag.batches(lambda node: node % 3):
        assert all(node % 3 == key for node in nodes)
        assert all(set(references[node]) <= done | set(nodes) for node in nodes)
        done |= set(nodes)
    assert done == set(range(10))
    for node in range(10):
        assert set(dag.upstream([node])) == nx.descendants(oracle, node) | {node}
