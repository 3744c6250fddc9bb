"""Nodes of the graph of tags, life cycle, models, audiences and lookalikes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from databank.expressions import Expression
from databank.identity.entities.config import PERSON

LIFECYCLE = "lifecycle"


@dataclass(frozen=True, order=True)
class Node:
    """A named thing that a job builds, or a job that builds no named things.

    Attributes:
        kind: tag, lifecycle, model, audience, lookalike, or job.
        name: Unique within the kind.
        entity: Person, or the kind of entity that it describes; a step builds those of one.
        draft: Whether it is built only where it is asked for by name.
    """

    kind: str
    name: str
    entity: str = field(default=PERSON, compare=False)
    draft: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.kind != LIFECYCLE else "life cycle"


def expression_nodes(expressions: Iterable[Expression], tags: Collection[str]) -> set[Node]:
    """Collect the nodes that expressions refer to by tag names and by macros."""
    nodes: set[Node] = set()
    for expression in expressions:
        nodes |= {Node("tag", name) for name in expression.names if name in tags}
        for macro in expression.macros:
            kind = macro.spec.node
            if kind is not None:
                # there is one life cycle; it is referred to without a name
                nodes.add(Node(kind, macro.target or kind))
    return nodes
