"""Order of references between tags, models, audiences and lookalikes."""

from hypothesis import given, strategies as st

from databank.project.graph import KINDS, Node, find_cycle, needed_for, order_parts


def node(text: str) -> Node:
    kind, name = text.split(":")
    return Node(kind, name)


def graph(**edges: list[str]) -> dict[Node, frozenset[Node]]:
    return {
        node(key.replace("__", ":")): frozenset(node(n) for n in names)
        for key, names in edges.items()
    }


def test_the_loop_comes_in_the_order_of_its_references() -> None:
    made = graph(
        tag__logins=[],
        tag__active=["tag:logins"],
        lifecycle__lifecycle=["tag:active"],
        model__churn=[],
        tag__risk=["model:churn"],
        audience__seed=["tag:risk", "lifecycle:lifecycle"],
        lookalike__like=["audience:seed"],
        audience__reach=["lookalike:like"],
    )
    assert [(part.kind, part.names) for part in order_parts(made)] == [
        ("tag", ("active", "logins")),
        ("lifecycle", ("lifecycle",)),
        ("model", ("churn",)),
        ("tag", ("risk",)),
        ("audience", ("seed",)),
        ("lookalike", ("like",)),
        ("audience", ("reach",)),
    ]


def test_a_circle_is_found_with_its_path() -> None:
    made = graph(tag__a=["tag:b"], tag__b=["audience:c"], audience__c=["tag:a"], tag__d=["tag:a"])
    assert [str(n) for n in find_cycle(made)] == ["audience c", "tag a", "tag b", "audience c"]


def test_only_what_a_node_stands_on_is_kept() -> None:
    made = graph(tag__a=[], tag__b=["tag:a"], tag__c=[])
    assert needed_for(made, [node("tag:b")]).keys() == {node("tag:a"), node("tag:b")}


def test_a_part_has_one_entity_and_theirs_may_ask_each_other() -> None:
    home = {"entity": "household"}
    buyers, families = Node("audience", "buyers"), Node("audience", "families", **home)
    reached = Node("audience", "reached")
    made = {
        Node("tag", "spend"): frozenset[Node](),
        Node("tag", "spent", **home): frozenset[Node](),
        buyers: frozenset({Node("tag", "spend")}),
        families: frozenset({Node("tag", "spent"), buyers}),
        reached: frozenset({families, buyers}),
    }
    assert [part.names for part in order_parts(made)] == [
        ("spend",),
        ("spent",),
        ("buyers",),
        ("families",),
        ("reached",),
    ]


def test_what_is_needed_keeps_whose_it_is() -> None:
    spent, families = (Node(kind, kind, "household") for kind in ("tag", "audience"))
    made = {spent: frozenset[Node](), families: frozenset({Node("tag", "tag")})}
    assert {node.entity for node in needed_for(made, [Node("audience", "audience")])} == {
        "household"
    }


@st.composite
def graphs(draw: st.DrawFn) -> dict[Node, frozenset[Node]]:
    """Graphs whose references lead to earlier nodes only."""
    size = draw(st.integers(1, 12))
    nodes = [Node(draw(st.sampled_from(KINDS)), f"n{i}") for i in range(size)]
    return {
        each: frozenset(draw(st.sets(st.sampled_from(nodes[:i]))) if i else ())
        for i, each in enumerate(nodes)
    }


@given(graphs())
def test_every_node_comes_once_and_after_what_it_refers_to(
    made: dict[Node, frozenset[Node]],
) -> None:
    done: set[Node] = set()
    for part in order_parts(made):
        now = {Node(part.kind, name) for name in part.names}
        assert all(made[each] <= done | now for each in now)
        assert not done & now
        done |= now
    assert done == made.keys()
    assert find_cycle(made) == []
