"""One graph of tags, life cycle, models, audiences and lookalikes: who refers to whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from databank.expressions import Expression
from databank.identity.entities.config import PERSON

# within a round, what can be built is taken in this order
KINDS = ("tag", "lifecycle", "model", "audience", "lookalike")
LIFECYCLE = "lifecycle"


@dataclass(frozen=True, order=True)
class Node:
    """Something with a name that a job builds.

    Attributes:
        kind: One of KINDS.
        name: No other of its kind has it.
        entity: Whose it is; a part has those of one entity.
        draft: Whether it is built only where it is asked for by name.
    """

    kind: str
    name: str
    entity: str = field(default=PERSON, compare=False)
    draft: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.kind != LIFECYCLE else "life cycle"


@dataclass(frozen=True)
class Part:
    """Nodes of one kind and entity that one run of a job builds together."""

    kind: str
    names: tuple[str, ...]


Graph = Mapping[Node, frozenset[Node]]


def expression_nodes(expressions: Iterable[Expression], tags: Iterable[str]) -> set[Node]:
    """What expressions refer to."""
    known = set(tags)
    found: set[Node] = set()
    for expression in expressions:
        found |= {Node("tag", name) for name in expression.names & known}
        for macro in expression.macros:
            if macro.name == "stage":
                found.add(Node(LIFECYCLE, LIFECYCLE))
            elif macro.name == "score":
                found.add(Node("model", macro.target or ""))
            elif macro.name == "in_audience":
                found.add(Node("audience", macro.target or ""))
            elif macro.name == "in_lookalike":
                found.add(Node("lookalike", macro.target or ""))
    return found


def users_of(graph: Graph) -> dict[Node, tuple[Node, ...]]:
    """The graph turned round: who refers to each node, sorted."""
    found: dict[Node, list[Node]] = {node: [] for node in graph}
    for user in sorted(graph):
        for node in graph[user]:
            found[node].append(user)
    return {node: tuple(users) for node, users in found.items()}


def find_cycle(graph: Graph) -> list[Node]:
    """A circle of references, first node repeated at the end; empty if there is none."""
    state: dict[Node, int] = {}
    path: list[Node] = []

    def visit(node: Node) -> list[Node]:
        state[node] = 1
        path.append(node)
        for following in sorted(graph.get(node, frozenset())):
            if state.get(following) == 1:
                return [*path[path.index(following) :], following]
            if following not in state:
                circle = visit(following)
                if circle:
                    return circle
        path.pop()
        state[node] = 2
        return []

    for node in sorted(graph):
        if node not in state:
            circle = visit(node)
            if circle:
                return circle
    return []


def order_parts(graph: Graph) -> list[Part]:
    """Parts in an order in which everything a part refers to comes before it, or with it.

    Raises:
        ValueError: If there is a circle; `find_cycle` names it.
    """
    done: set[Node] = set()
    left = set(graph)
    parts: list[Part] = []
    while left:
        groups = sorted({(KINDS.index(n.kind), n.entity != PERSON, n.entity) for n in left})
        ready = (_ready(graph, left, done, KINDS[at], entity) for at, _, entity in groups)
        found = next(filter(None, ready), None)
        if found is None:
            raise ValueError("references form a circle")
        parts.append(Part(found[0].kind, tuple(sorted(node.name for node in found))))
        done |= set(found)
        left -= set(found)
    return parts


def needed_for(graph: Graph, wanted: Iterable[Node]) -> dict[Node, frozenset[Node]]:
    """The part of the graph that the wanted nodes stand on."""
    found: set[Node] = set()
    open_nodes = list(wanted)
    while open_nodes:
        node = open_nodes.pop()
        if node not in found:
            found.add(node)
            open_nodes += graph.get(node, frozenset())
    # the graph's own nodes: a reference does not know whose it is
    return {node: references for node, references in graph.items() if node in found}


def _ready(graph: Graph, left: set[Node], done: set[Node], kind: str, entity: str) -> list[Node]:
    """All nodes of a kind and entity that need nothing but done nodes and each other."""
    mine = {node for node in left if (node.kind, node.entity) == (kind, entity)}
    found: set[Node] = set()
    grown = True
    while grown:
        more = {node for node in mine - found if graph[node] <= done | found}
        grown = bool(more)
        found |= more
    return sorted(found)
