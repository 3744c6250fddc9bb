"""A directed acyclic graph of things that refer to each other; gives every order databank needs."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Generic, Protocol, TypeVar


class Comparable(Protocol):
    """Nodes and group keys have an order, so that equal graphs give equal results."""

    def __lt__(self, value: Any, /) -> bool:
        """Tell whether this node comes before another one."""
        ...

    def __hash__(self) -> int:
        """Hash the node."""
        ...


N = TypeVar("N", bound=Comparable)
K = TypeVar("K", bound=Comparable)


class Dag(Generic[N]):
    """Nodes and the nodes that each refers to; references to unknown nodes are left out.

    Args:
        references: Node -> nodes it refers to.
    """

    def __init__(self, references: Mapping[N, Collection[N]]) -> None:
        # a reference equals the graph's own node, and may carry less about it
        own = {node: node for node in references}
        self._references = {
            node: frozenset(own[target] for target in targets if target in own)
            for node, targets in references.items()
        }

    def __iter__(self) -> Iterator[N]:
        return iter(self._references)

    def __getitem__(self, node: N) -> frozenset[N]:
        return self._references[node]

    def users(self) -> dict[N, tuple[N, ...]]:
        """Turn the graph round: node -> the nodes that refer to it, sorted."""
        users: dict[N, list[N]] = {node: [] for node in self._references}
        for node in sorted(self._references):
            for target in self._references[node]:
                users[target].append(node)
        return {node: tuple(names) for node, names in users.items()}

    def upstream(self, wanted: Iterable[N]) -> "Dag[N]":
        """Keep the wanted nodes and all that they refer to, directly or through others."""
        kept: set[N] = set()
        waiting = [node for node in wanted if node in self._references]
        while waiting:
            node = waiting.pop()
            if node not in kept:
                kept.add(node)
                waiting += self._references[node]
        return Dag({node: targets for node, targets in self._references.items() if node in kept})

    def find_cycle(self) -> list[N]:
        """Find a circle of references: its nodes, the first repeated at the end; empty if none."""
        try:
            self._sorter().prepare()
        except CycleError as error:
            # graphlib lists what is referred to before what refers to it
            circle: list[N] = list(reversed(error.args[1]))[:-1]
            first = circle.index(min(circle))
            return [*circle[first:], *circle[:first], circle[first]]
        return []

    def levels(self) -> list[list[N]]:
        """Group nodes so that each refers to nodes of earlier levels only, in the order given.

        Raises:
            ValueError: If there is a circle, with its path.
        """
        sorter = self._sorter()
        try:
            sorter.prepare()
        except CycleError as error:
            raise self._circle() from error
        place = {node: number for number, node in enumerate(self._references)}
        levels = []
        while sorter.is_active():
            ready = sorter.get_ready()
            levels.append(sorted(ready, key=place.__getitem__))
            sorter.done(*ready)
        return levels

    def batches(self, key: Callable[[N], K]) -> list[tuple[K, list[N]]]:
        """Group nodes into runs of one key each; all a run refers to is in it or before it.

        Of the keys that could come next the smallest one does, with all of its nodes that can.

        Raises:
            ValueError: If there is a circle, with its path.
        """
        done: set[N] = set()
        left = set(self._references)
        batches: list[tuple[K, list[N]]] = []
        while left:
            for group in sorted({key(node) for node in left}):
                ready = self._ready({node for node in left if key(node) == group}, done)
                if ready:
                    break
            else:
                raise self._circle()
            batches.append((group, sorted(ready)))
            done |= ready
            left -= ready
        return batches

    def _ready(self, candidates: set[N], done: set[N]) -> set[N]:
        """Select the candidates that refer to nothing but done nodes and each other."""
        ready: set[N] = set()
        while True:
            more = {node for node in candidates - ready if self[node] <= done | ready}
            if not more:
                return ready
            ready |= more

    def _circle(self) -> ValueError:
        path = " -> ".join(map(str, self.find_cycle()))
        return ValueError(f"references form a circle: {path}; remove one of them")

    def _sorter(self) -> TopologicalSorter[N]:
        sorter: TopologicalSorter[N] = TopologicalSorter()
        for node in sorted(self._references):
            sorter.add(node, *sorted(self._references[node]))
        return sorter
