"""What connected components cost beyond the local budget: bytes, rounds, memory.

Every byte that a run reads, shuffles or writes belongs to a row of the forests (an id once for
each chunk it occurs in), to an id, or to a link that a round leaves; and there are about as many
links as rows that are not an id's first. So each kind of bytes is a constant times the rows and one
times the ids. How often an id occurs in several chunks follows from edges, ids and chunks alone,
where edges come in random order (the worst case: in any other order ids of one component come
together). `scripts/bench cost` fits the constants and holds the prediction against a larger run.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

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
    rounds: int
    memory: float  # bytes, all processes, at the peak


class Model(NamedTuple):
    """Bytes for each row of the forests and for each id; how much a round leaves; memory."""

    by_row: tuple[float, ...]  # in the order of KINDS
    by_id: tuple[float, ...]
    left: float  # links after a round, as a share of those before it
    memory: float  # bytes: a run's tasks hold chunks and slices of one size

    def predict(self, edges: int, ids: int, chunks: int, budget: int) -> Run:
        """What a run over so many edges and ids in so many chunks takes."""
        rows = forest_rows(edges, ids, chunks)
        read, shuffled, written = (
            row * rows + per_id * ids for row, per_id in zip(self.by_row, self.by_id, strict=True)
        )
        rounds = rounds_for(rows - ids, budget, self.left)
        return Run(edges, ids, chunks, budget, read, shuffled, written, rounds, self.memory)


def forest_rows(edges: int, ids: int, chunks: int) -> float:
    """Expected rows: each of an id's 2 edges / ids ends misses a chunk by 1 - 1 / chunks."""
    missed: float = (1 - 1 / chunks) ** (2 * edges / ids)
    return ids * chunks * (1 - missed)


def rounds_for(links: float, budget: int, left: float) -> int:
    """Rounds until the links fit the budget; the first one always runs."""
    if links <= budget:
        return 1
    return 1 + math.ceil(math.log(links / budget) / -math.log(left))


def fit(runs: Sequence[Run]) -> Model:
    """Least squares of relative errors over runs beyond their budget."""
    rows = np.array([forest_rows(run.edges, run.ids, run.chunks) for run in runs])
    ids = np.array([run.ids for run in runs], float)
    constants = []
    for kind in KINDS:
        measured = np.array([getattr(run, kind) for run in runs])
        terms = np.column_stack([rows, ids]) / measured[:, None]
        constants.append(np.linalg.lstsq(terms, np.ones(len(runs)), rcond=None)[0])
    several = [run for run in runs if run.rounds > 1]
    shares = [
        (run.budget / (forest_rows(run.edges, run.ids, run.chunks) - run.ids))
        ** (1 / (run.rounds - 0.5))
        for run in several
    ]
    return Model(
        tuple(float(by_row) for by_row, _ in constants),
        tuple(float(by_id) for _, by_id in constants),
        float(np.median(shares)) if shares else 0.5,
        max(run.memory for run in runs),
    )
