"""Contraction rounds: shrink a graph that one task cannot hold, one shuffle a round.

A round starts from forests of chunks: rows (id, root of its tree in the chunk). Rows are shuffled
by slices of the mixed ids (an id comes at most once from each chunk, so a hub is as cheap as any
id); every id then knows all its roots, chooses the first and links the others to it. These links
are the next, smaller graph.

"First" is by the mixed id, not by size: an ordered chain would shrink by one id a round otherwise.
The key of the mixing is new every second round: after two rounds under one key only chosen roots
are left, and each is at or before every neighbour of what it stands for, so at most 3/4 of the
linked ids survive in expectation (randomised contraction, Boegeholz, Brand and Todor, "In-database
connected component analysis", 2020); forests of chunks make it far fewer.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Observation, functions as F

from databank.identity.components import packs
from databank.identity.components.check import prove_choice, prove_forest
from databank.identity.components.forest import Ids, build_forest, dense_codes
from databank.identity.components.mixing import remix, slice_starts
from databank.identity.components.scratch import Scratch

# rows of a slice, about 0.2 GB at the peak
_SLICE = 2_000_000
_LEAST_SLICES = 8
# halving 2^63 links would take 63; randomness is allowed a few more
_MOST_ROUNDS = 200


class Level(NamedTuple):
    """What a round leaves for the way back: every id of its graph with all its roots."""

    rows: DataFrame  # packs (mixed id, number of its root) and (mixed root); part: their slice
    key: int  # what the ids are mixed with
    slices: int


def slices_for(rows: int) -> int:
    """Into how many slices so many rows go."""
    return max(_LEAST_SLICES, -(-rows // _SLICE))


def contract(
    forests: DataFrame, size: int, *, budget: int, chunk: int, scratch: Scratch
) -> tuple[list[Level], DataFrame, int]:
    """Contract until at most `budget` links are left.

    Args:
        forests: Packs of the chunks' forests, mixed with key 0.
        size: How many rows they hold.
        budget: Links that one task may hold.
        chunk: Links that a task takes at a time.
        scratch: Where each round is stored.

    Returns:
        The rounds, first round first; packs of the links that are left, mixed with the last
        round's key; and how many they are.
    """
    levels: list[Level] = []
    rows = forests.drop("codes", "codes_sum")
    while not levels or size > budget:
        number = len(levels)
        if number == _MOST_ROUNDS:
            raise RuntimeError(f"{size} links are left after {_MOST_ROUNDS} contraction rounds")
        key, slices = number // 2, slices_for(size)
        if levels:
            task = partial(_relink, before=levels[-1].key, key=key, slices=slices, most=chunk)
        else:
            task = partial(_cut, slices=slices)
        sliced = rows.mapInArrow(task, packs.SCHEMA).repartitionById(slices, F.col("part"))
        seen = Observation()
        links = F.coalesce(F.sum(F.when(F.col("kind") == packs.LINK, F.col("size"))), F.lit(0))
        chosen = sliced.mapInArrow(_choose, packs.SCHEMA).observe(seen, links.alias("links"))
        stored = scratch.write(chosen, f"round-{number}")
        levels.append(Level(stored.where(F.col("kind") < packs.LINK), key, slices))
        rows, size = stored.where(F.col("kind") == packs.LINK), int(seen.get["links"])
    return levels, rows, size


def _cut(batches: Iterable[pa.RecordBatch], *, slices: int) -> Iterator[pa.RecordBatch]:
    """Forests, cut into slices."""
    starts = slice_starts(slices)
    for each in packs.unpack(batches):
        yield from packs.pack(
            each.ids, each.partners, starts=starts, origin=each.origin, at=each.at
        )


def _relink(
    batches: Iterable[pa.RecordBatch], *, before: int, key: int, slices: int, most: int
) -> Iterator[pa.RecordBatch]:
    """Forests of chunks of the links, cut into slices."""
    starts = slice_starts(slices)
    for number, (u, v) in enumerate(_chunks(batches, most)):
        ends = remix(u, before, key), remix(v, before, key)
        forest = build_forest(*ends)
        prove_forest(*ends, forest)
        roots = forest.ids[forest.root]
        yield from packs.pack(forest.ids, roots, starts=starts, origin=number)


def _chunks(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[tuple[Ids, Ids]]:
    held: list[packs.Pack] = []
    for each in packs.unpack(batches):
        held.append(each)
        if sum(one.ids.size for one in held) >= most:
            yield packs.joined(held)
            held = []
    if held:
        yield packs.joined(held)


def _choose(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """All rows of the slice's ids, and links from each root to the one that its id chose."""
    held = sorted(packs.unpack(batches), key=lambda each: (each.origin, each.at))
    if not held:
        return
    ids, roots = packs.joined(held)
    # a stable sort merges runs that are in order, as the forests are
    order = np.argsort(ids, kind="stable")
    ids, roots = ids[order], roots[order]
    known, codes = dense_codes(roots)
    first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    chosen = np.minimum.reduceat(codes, first)
    own = np.repeat(chosen, np.diff(np.append(first, ids.size)))
    tied = codes != own
    links = roots[tied], known[own[tied]]
    prove_choice(roots, first, known[chosen])
    part = held[0].part
    yield from packs.pack(ids, codes=codes, part=part, kind=packs.TREE)
    yield from packs.pack(known, part=part, kind=packs.ROOT)
    yield from packs.pack(*links, part=part, kind=packs.LINK)
