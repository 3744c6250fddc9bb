"""The first step: edges, some millions at a time, become forests, which are stored.

A forest says for each id of its edges which tree of the chunk it is in. It has no more rows than
the edges have ends and as a rule fewer than there are edges; its ids are in (mixed) order, so that
all later steps merge where they would have to sort.
"""

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame, Observation, functions as F

from databank.errors import DataBankError
from databank.identity.components import blocks
from databank.identity.components.arrow import chunks, to_batches
from databank.identity.components.check import ComponentsCheckError, prove_forest
from databank.identity.components.forest import Forest, Ids, build_forest
from databank.identity.components.mixing import SLICE_SALT, first_of_trees, mix, unmix
from databank.identity.components.scratch import Scratch

# edges that a task takes at a time, about 0.8 GB at the peak
CHUNK = 4_000_000
# the first round's order of roots
ORDER = 1


class EdgeEndError(DataBankError):
    """An end of an edge that cannot be an id."""


def store_forests(edges: DataFrame, *, chunk: int, scratch: Scratch) -> tuple[DataFrame, int]:
    """Store the forests of chunks of the edges; the edges are read once.

    Args:
        edges: Two bigint columns, the ends of each edge.
        chunk: Edges that a task takes at a time.
        scratch: Where they are stored.

    Returns:
        Blocks of (mixed id, mixed root of its tree, number of its tree: the place of an id of it in
        the chunk), origin: the chunk; and how many ids they hold in all, an id once a chunk.

    Raises:
        EdgeEndError: If an end is null.
        ComponentsCheckError: If a forest is wrong or an edge got lost.
    """
    given, kept = Observation(), Observation()
    counted = edges.observe(given, F.count(F.lit(1)).alias("edges"))
    forests = counted.mapInArrow(partial(_forests, most=chunk), blocks.SCHEMA)
    sums = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("size", "tally")]
    stored = scratch.write(forests.observe(kept, *sums), "forests")
    rows, used = given.get["edges"], kept.get["tally"]
    if rows != used:
        _require_ends(edges)
        raise ComponentsCheckError(f"connected_components: {rows} edges were given, {used} used")
    return stored, int(kept.get["size"])


def _require_ends(edges: DataFrame) -> None:
    counts = [F.count_if(F.col(name).isNull()).alias(name) for name in sorted(edges.columns)]
    row = edges.agg(*counts).first()
    nulls = row.asDict() if row is not None else {}
    if faults := [f"{name} in {n} rows" for name, n in nulls.items() if n]:
        raise EdgeEndError(
            f"connected_components: null ends ({', '.join(faults)}); "
            "give an isolated id as a self loop"
        )


def _forests(batches: Iterable[pa.RecordBatch], *, most: int) -> Iterator[pa.RecordBatch]:
    """Keep a chunk's forest back as part of the next chunk, where edges repeat much."""
    task = TaskContext.get()
    origin = (task.partitionId() if task is not None else 0) << 32
    held: tuple[Ids, Ids] | None = None
    edges = 0
    for chunk in chunks(batches, rows=most):
        u, v = (mix(end, SLICE_SALT) for end in chunk)
        edges += u.size
        if held is not None:
            u, v = np.concatenate([held[0], u]), np.concatenate([held[1], v])
        forest = build_forest(u, v)
        prove_forest(u, v, forest)
        if forest.ids.size > most // 2:
            yield from _forest_blocks(forest, origin, edges)
            held, edges, origin = None, 0, origin + 1
        else:
            held = forest.ids, forest.ids[forest.root]
    # what is held back is the last forest
    if held is not None:
        yield from _forest_blocks(forest, origin, edges)


def _forest_blocks(forest: Forest, origin: int, edges: int) -> Iterator[pa.RecordBatch]:
    roots = first_of_trees(forest.ids, forest.root, ORDER)
    return blocks.write_blocks(forest.ids, roots, forest.root, part=0, origin=origin, tally=edges)


def as_edges(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A row (id, root) for each id of the forests."""
    for each in blocks.read_blocks(batches):
        yield from to_batches(
            ["id", "root"], unmix(each.ids, SLICE_SALT), unmix(each.partners, SLICE_SALT)
        )
