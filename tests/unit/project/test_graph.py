"""What nodes refer to, and the order in which the plan takes them."""

from databank.dag import Dag
from databank.expressions import parse_expression
from databank.identity.entities.config import PERSON
from databank.project.graph import LIFECYCLE, Node, expression_nodes
from databank.project.plan import _place


def node(text: str) -> Node:
    kind, name = text.split(":")
    return Node(kind, name)


def graph(**edges: list[str]) -> Dag[Node]:
    return Dag(
        {
            node(key.replace("__", ":")): frozenset(node(n) for n in names)
            for key, names in edges.items()
        }
    )


def batches(dag: Dag[Node]) -> list[tuple[str, list[str]]]:
    return [(nodes[0].kind, [each.name for each in nodes]) for _, nodes in dag.batches(_place)]


def test_the_loop_comes_in_the_order_of_its_references() -> None:
    dag = graph(
        tag__logins=[],
        tag__active=["tag:logins"],
        lifecycle__lifecycle=["tag:active"],
        model__churn=[],
        tag__risk=["model:churn"],
        audience__seed=["tag:risk", "lifecycle:lifecycle"],
        lookalike__like=["audience:seed"],
        audience__reach=["lookalike:like"],
    )
    assert batches(dag) == [
        ("tag", ["active", "logins"]),
        ("lifecycle", ["lifecycle"]),
        ("model", ["churn"]),
        ("tag", ["risk"]),
        ("audience", ["seed"]),
        ("lookalike", ["like"]),
        ("audience", ["reach"]),
    ]


def test_a_circle_is_found_with_its_path() -> None:
    dag = graph(tag__a=["tag:b"], tag__b=["audience:c"], audience__c=["tag:a"], tag__d=["tag:a"])
    assert [str(n) for n in dag.find_cycle()] == ["audience c", "tag a", "tag b", "audience c"]


def test_a_batch_has_one_entity_and_may_ask_batches_of_others() -> None:
    home = {"entity": "household"}
    buyers, families = Node("audience", "buyers"), Node("audience", "families", **home)
    reached = Node("audience", "reached")
    dag = Dag(
        {
            Node("tag", "spend"): frozenset[Node](),
            Node("tag", "spent", **home): frozenset[Node](),
            buyers: frozenset({Node("tag", "spend")}),
            families: frozenset({Node("tag", "spent"), buyers}),
            reached: frozenset({families, buyers}),
        }
    )
    assert [names for _, names in batches(dag)] == [
        ["spend"],
        ["spent"],
        ["buyers"],
        ["families"],
        ["reached"],
    ]


def test_what_is_needed_keeps_its_entity() -> None:
    spent, families = (Node(kind, kind, "household") for kind in ("tag", "audience"))
    # a reference does not know the entity
    dag = Dag({spent: frozenset[Node](), families: frozenset({Node("tag", "tag")})})
    needed = dag.upstream([Node("audience", "audience", PERSON)])
    assert {each.entity for each in needed} == {"household"}
    assert {each.entity for each in needed[families]} == {"household"}


def test_an_expression_refers_to_tags_stages_scores_and_members() -> None:
    text = "spend > 1 and stage() = 'x' and score('churn') > 0.5 and in_audience('a') and other > 2"
    assert expression_nodes([parse_expression(text)], ["spend"]) == {
        Node("tag", "spend"),
        Node(LIFECYCLE, LIFECYCLE),
        Node("model", "churn"),
        Node("audience", "a"),
    }
