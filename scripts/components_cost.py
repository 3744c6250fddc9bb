"""What connected components cost beyond the local budget: bytes, rounds, memory.

Every byte that a run reads, shuffles or writes belongs to a row of the forests (an id once for
each chunk it occurs in), to an id, or to a link that a round leaves; and there are about as many
links as rows that are not an id's first. So each kind of bytes is a constant times the rows and one
times the ids. How often an id occurs in several chunks follows from edges, ids and chunks alone,
where edges come in random order (the worst case: in any other order ids of one component come
together).

The first round leaves about a link for each row that is not an id's first; the second one ties what
a chunk's tree kept apart, which takes two edges of a component in one chunk: a matter of ids by
chunks. Both shares depend on the kind of graph and are measured. `scripts/bench cost` fits all
constants and holds the prediction against a larger run.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# of the links that a round begins with, in expectation (see `rounds`)
_MOST_LEFT = 0.75
KINDS = ("read", "shuffled", "written")


class Run(NamedTuple):
    """What a run was given and what it took."""

    edges: int
    ids: int
    chunks: int
    budget: int
    read: float  # bytes
    shuffled: float  # bytes
    written: float  # bytes
    left: tuple[float, ...]  # links after each round
    memory: float  # bytes, all processes, at the peak

    @property
    def rounds(self) -> int:
        """How many rounds there were."""
        return len(self.left)

    @property
    def rows(self) -> float:
        """How many rows its forests have, as expected."""
        return forest_rows(self.edges, self.ids, self.chunks)


class Model(NamedTuple):
    """Bytes for each row of the forests and for each id; what rounds leave; memory."""

    by_row: tuple[float, ...]  # in the order of KINDS
    by_id: tuple[float, ...]
    first: float  # links after the first round for each row that is not an id's first
    second: float  # links after the second round for each id, times chunks
    memory: float  # bytes: a run's tasks hold chunks and slices of one size

    def predict(self, edges: int, ids: int, chunks: int, budget: int) -> Run:
        """What a run over so many edges and ids in so many chunks takes."""
        rows = forest_rows(edges, ids, chunks)
        read, shuffled, written = (
            row * rows + per_id * ids for row, per_id in zip(self.by_row, self.by_id, strict=True)
        )
        left = links_left(self.first * (rows - ids), self.second * ids / chunks, budget)
        return Run(edges, ids, chunks, budget, read, shuffled, written, left, self.memory)


def forest_rows(edges: int, ids: int, chunks: int) -> float:
    """Expected rows: each of an id's 2 edges / ids ends misses a chunk by 1 - 1 / chunks."""
    missed: float = (1 - 1 / chunks) ** (2 * edges / ids)
    return ids * chunks * (1 - missed)


def links_left(first: float, second: float, budget: int) -> tuple[float, ...]:
    """Links after each round until they fit the budget.

    Args:
        first: Links after the first round, which always runs.
        second: Links after the second one, fewer; later ones shrink them by as much again.
        budget: Links that one task may hold.
    """
    left = [first]
    while left[-1] > budget:
        left.append(left[-1] * min(second / first, _MOST_LEFT))
    return tuple(left)


def fit(runs: Sequence[Run]) -> Model:
    """Least squares of relative errors over runs beyond their budget.

    Raises:
        ValueError: If no run had a second round.
    """
    rows = np.array([run.rows for run in runs])
    ids = np.array([run.ids for run in runs], float)
    constants = []
    for kind in KINDS:
        measured = np.array([getattr(run, kind) for run in runs])
        terms = np.column_stack([rows, ids]) / measured[:, None]
        constants.append(np.linalg.lstsq(terms, np.ones(len(runs)), rcond=None)[0])
    longer = [run for run in runs if run.rounds > 1]
    if not longer:
        raise ValueError("no run had a second round: nothing tells what one leaves")
    second = sum(run.left[1] for run in longer)
    return Model(
        tuple(float(by_row) for by_row, _ in constants),
        tuple(float(by_id) for _, by_id in constants),
        sum(run.left[0] for run in runs) / float((rows - ids).sum()),
        second / sum(run.ids / run.chunks for run in longer),
        max(run.memory for run in runs),
    )
