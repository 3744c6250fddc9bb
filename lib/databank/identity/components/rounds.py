"""Contraction rounds: shrink a graph that one task cannot hold, one shuffle a round.

A round starts from forests of chunks: rows (id, root of its tree in the chunk). Rows are shuffled
by slices of the mixed ids (an id comes at most once from each chunk, so a hub is as cheap as any
id); every id then knows all its roots, chooses the first and links the others to it. These links
are the next, smaller graph.

"First" is by a random order, not by size: an ordered chain would shrink by one id a round
otherwise. The order is new every second round: after two rounds under one order only chosen roots
are left, and each is at or before every neighbour of what it stands for, so at most 3/4 of the
linked ids survive in expectation (randomised contraction, Boegeholz, Brand and Todor, "In-database
connected component analysis", 2020); forests of chunks make it far fewer.
"""

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Observation, functions as F

from databank.identity.components import blocks
from databank.identity.components.check import prove_choice, prove_codes, prove_forest, require
from databank.identity.components.chunks import ORDER
from databank.identity.components.forest import Ids, build_forest, dense_codes
from databank.identity.components.mixing import (
    SLICE_SALT,
    first_of_trees,
    mix,
    reordered,
    slice_starts,
    unmix,
)
from databank.identity.components.scratch import Scratch

# rows of a slice, about 0.2 GB at the peak
SLICE = 2_000_000
_LEAST_SLICES = 8
_log = logging.getLogger(__name__)
# halving 2^63 links would take 63; randomness is allowed a few more
_MOST_ROUNDS = 200


class Contracted(NamedTuple):
    """What the rounds leave; all ids are mixed with SLICE_SALT."""

    levels: list[DataFrame]  # of each round, blocks (id, number of its root) and (root), by slices
    links: DataFrame  # blocks of links between ids that are left
    left: int  # how many links
    order: int  # the last round's order
    ids: int  # how many ids the graph has
    slices: int  # into how many slices all rounds cut the ids


def contract(
    forests: DataFrame, size: int, *, budget: int, chunk: int, scratch: Scratch
) -> Contracted:
    """Contract until at most `budget` links are left.

    Args:
        forests: Blocks of the chunks' forests.
        size: How many rows they hold.
        budget: Links that one task may hold.
        chunk: Links that a task takes at a time.
        scratch: Where each round is stored.

    Raises:
        ComponentsCheckError: If rows got lost.
    """
    levels: list[DataFrame] = []
    rows = forests.drop("codes", "codes_sum")
    # later rounds have fewer rows, and fewer links than ids that are asked for
    slices = max(_LEAST_SLICES, -(-size // SLICE))
    left = ids = order = 0
    while not levels or left > budget:
        if len(levels) == _MOST_ROUNDS:
            raise RuntimeError(f"{left} links are left after {_MOST_ROUNDS} contraction rounds")
        order = ORDER + len(levels) // 2
        if levels:
            task = partial(_relink, order=order, slices=slices, most=chunk)
        else:
            task = partial(_cut, slices=slices)
        sliced = to_slices(rows.mapInArrow(task, blocks.SCHEMA), slices)
        chosen = sliced.mapInArrow(partial(_choose, order=order), blocks.SCHEMA)
        seen = Observation()
        counts = [
            total("tally", blocks.TREE).alias("rows"),
            total("tally", blocks.ROOT).alias("ids"),
            total("size", blocks.LINK).alias("links"),
        ]
        stored = scratch.write(chosen.observe(seen, *counts), f"round-{len(levels)}")
        if not levels:
            ids = int(seen.get["ids"])
            require(seen.get["rows"] == size, "rows of forests got lost")
        levels.append(stored.where(F.col("kind") < blocks.LINK))
        rows, left = stored.where(F.col("kind") == blocks.LINK), int(seen.get["links"])
        _log.info("round %d leaves %d links", len(levels), left)
    return Contracted(levels, rows, left, order, ids, slices)


def to_slices(rows: DataFrame, slices: int) -> DataFrame:
    """Each block in the partition that its part names."""
    return rows.repartitionById(slices, F.col("part").cast("int"))


def total(column: str, kind: int) -> Column:
    """The sum of a column over blocks of a kind."""
    return F.coalesce(F.sum(F.when(F.col("kind") == kind, F.col(column))), F.lit(0))


def _cut(batches: Iterable[pa.RecordBatch], *, slices: int) -> Iterator[pa.RecordBatch]:
    """Forests, cut into slices."""
    starts = slice_starts(slices)
    for each in blocks.read_blocks(batches):
        yield from blocks.write_blocks(
            each.ids, each.partners, starts=starts, origin=each.origin, at=each.at
        )


def _relink(
    batches: Iterable[pa.RecordBatch], *, order: int, slices: int, most: int
) -> Iterator[pa.RecordBatch]:
    """Forests of chunks of the links, cut into slices."""
    starts = slice_starts(slices)
    for number, (u, v) in enumerate(_chunks(batches, most)):
        forest = build_forest(u, v)
        prove_forest(u, v, forest)
        roots = first_of_trees(forest.ids, forest.root, order)
        yield from blocks.write_blocks(forest.ids, roots, starts=starts, origin=number)


def _chunks(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[tuple[Ids, Ids]]:
    held: list[blocks.Block] = []
    size = 0
    for each in blocks.read_blocks(batches):
        held.append(each)
        size += each.ids.size
        if size >= most:
            yield blocks.concat(held)
            held, size = [], 0
    if held:
        yield blocks.concat(held)


def _choose(batches: Iterable[pa.RecordBatch], *, order: int) -> Iterator[pa.RecordBatch]:
    """All rows of the slice's ids, and links from each root to the one that its id chose.

    The trees tell how many rows there are, the roots how many ids.
    """
    held = blocks.by_kind(batches)[blocks.TREE]
    if not held:
        return
    ids, roots = blocks.concat(held)
    # a stable sort merges runs that are in order, as the forests are
    by_id = np.argsort(ids, kind="stable")
    ids, roots = ids[by_id], roots[by_id]
    known, codes = dense_codes(roots)
    prove_codes(roots, known, codes)
    first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    ranks = reordered(known, order)[codes]
    least, times = np.minimum.reduceat(ranks, first), np.diff(np.append(first, ids.size))
    chosen = mix(unmix(least, order), SLICE_SALT)
    prove_choice(roots, first, chosen)
    tied = ranks != np.repeat(least, times)
    links = roots[tied], np.repeat(chosen, times)[tied]
    part = held[0].part
    yield from blocks.write_blocks(ids, codes=codes, part=part, kind=blocks.TREE, tally=ids.size)
    yield from blocks.write_blocks(known, part=part, kind=blocks.ROOT, tally=first.size)
    yield from blocks.write_blocks(*links, part=part, kind=blocks.LINK)
