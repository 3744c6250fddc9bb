"""Contraction rounds: shrink a graph that one task cannot hold, one shuffle a round.

A round works on rows (node, root, low): each partition labels its own nodes with a local root,
rows are shuffled by node (a node comes at most once from each chunk, so a hub is as cheap as any
node), and every node picks the first of its roots as its representative. Roots that were not
picked are linked to the one that was; these links are the next, smaller graph. `low` carries the
smallest id behind a node along, so that no pass over a giant component is needed at the end.

"First" is by a keyed bijection of the ids, not by their size: an ordered chain would shrink by one
node a round otherwise. The key is new every second round: after two rounds under one key only
representatives are left, and each is at or before every neighbour of what it stands for, so at
most 3/4 of the linked nodes survive in expectation (randomised contraction, Boegeholz, Brand and
Todor, "In-database connected component analysis", 2020); local roots make it far fewer.

Rows have a kind: HELD (a representative, nothing links it yet) and LINK go to the next round;
REP (node -> root) and DONE (node's component is `low`) are the way back to labels.
"""

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Observation, functions as F

from databank.identity.components.arrow import chunks, columns, to_batches
from databank.identity.components.check import prove_choice, prove_forest
from databank.identity.components.forest import Ids, build_forest, dense_codes
from databank.identity.components.scratch import Scratch

HELD, LINK, REP, DONE = range(4)
NAMES = ["kind", "node", "root", "low"]
SCHEMA = "kind bigint, node bigint, root bigint, low bigint"

# edges that a task takes at a time, about 0.4 GB at the peak
CHUNK = 4_000_000
# rows a partition after the shuffle, about 0.3 GB at the peak
_PARTITION = 2_000_000
_LEAST_PARTITIONS = 8
# halving 2^63 edges would take 63; randomness is allowed a few more
_MOST_ROUNDS = 200
_FACTORS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def contract(
    rows: DataFrame, size: int, *, budget: int, scratch: Scratch
) -> tuple[DataFrame, list[DataFrame], int]:
    """Contract until at most `budget` rows are left.

    Args:
        rows: kind (LINK), node, root, low: the edges, low = node.
        size: Number of rows.
        budget: Rows that one task may hold.
        scratch: Where each round is stored.

    Returns:
        The rows that are left, for each round its REP and DONE rows, first round first, and how
        many components are DONE.
    """
    trail: list[DataFrame] = []
    done = 0
    while size > budget and size > 0:
        if len(trail) == _MOST_ROUNDS:
            raise RuntimeError(f"{size} edges are left after {_MOST_ROUNDS} contraction rounds")
        chunk = min(CHUNK, max(1, budget))
        result, size, ready = _round(rows, size, number=len(trail), chunk=chunk, scratch=scratch)
        done += ready
        trail.append(result.where(F.col("kind") >= REP))
        rows = result.where(F.col("kind") < REP)
    return rows, trail, done


def expand(labels: DataFrame, trail: list[DataFrame], *, scratch: Scratch) -> DataFrame:
    """Carry labels (id, component) of the contracted graph back to all ids."""
    for number, rows in reversed(list(enumerate(trail))):
        above = labels.select(F.col("id").alias("root"), "component")
        by_rep = rows.where(F.col("kind") == REP).join(above, "root").select("node", "component")
        done = rows.where(F.col("kind") == DONE).select("node", "low")
        named = by_rep.union(done).toDF("id", "component")
        labels = scratch.write(named, f"labels-{number}")
    return labels


def _round(
    rows: DataFrame, size: int, *, number: int, chunk: int, scratch: Scratch
) -> tuple[DataFrame, int, int]:
    """What the round makes; how many rows go on to the next one, and how many are DONE."""
    key = number // 2
    tasks = max(_LEAST_PARTITIONS, -(-size // _PARTITION))
    local = rows.mapInArrow(partial(_local_roots, key=key, chunk=chunk), SCHEMA)
    shuffled = local.repartition(tasks, "node")
    contracted = shuffled.mapInArrow(partial(_pick, key=key), SCHEMA)
    seen = Observation()
    left, done = F.count_if(F.col("kind") < REP), F.count_if(F.col("kind") == DONE)
    counted = contracted.observe(seen, left.alias("left"), done.alias("done"))
    result = scratch.write(counted, f"round-{number}")
    return result, int(seen.get["left"]), int(seen.get["done"])


def _local_roots(
    batches: Iterable[pa.RecordBatch], *, key: int, chunk: int
) -> Iterator[pa.RecordBatch]:
    """One row for each node of a chunk: its local root, the smallest id known behind it."""
    for kind, node, root, low in chunks(batches, rows=chunk):
        ends = mix(node, key), mix(root, key)
        forest = build_forest(*ends)
        prove_forest(*ends, forest)
        ids = unmix(forest.ids, key)
        lows = ids.copy()
        np.minimum.at(lows, forest.u, low)
        linked = np.full(ids.size, HELD)
        linked[forest.u[kind == LINK]] = LINK
        linked[forest.v[kind == LINK]] = LINK
        yield from to_batches(NAMES, linked, ids, ids[forest.root], lows)


def _pick(batches: Iterable[pa.RecordBatch], *, key: int) -> Iterator[pa.RecordBatch]:
    """Representative of each node; all rows of a node are in this partition."""
    held = columns(batches)
    if not held:
        return
    kind, node, root, low = held
    ids, codes = dense_codes(node)
    linked, lows = np.full(ids.size, HELD), ids.copy()
    np.maximum.at(linked, codes, kind)
    np.minimum.at(lows, codes, low)
    first = np.full(ids.size, np.iinfo(np.int64).max)
    np.minimum.at(first, codes, mix(root, key))
    reps = unmix(first, key)
    prove_choice(codes, root, reps)
    alive = linked == LINK
    yield from _rows(DONE, ids[~alive], ids[~alive], lows[~alive])
    yield from _rows(REP, ids[alive], reps[alive], lows[alive])
    yield from _rows(HELD, *_lowest(reps[alive], lows[alive]))
    conflict = (root != reps[codes]) & alive[codes]
    yield from _rows(LINK, root[conflict], reps[codes][conflict], root[conflict])


def _lowest(reps: Ids, lows: Ids) -> tuple[Ids, Ids, Ids]:
    ids, codes = dense_codes(reps)
    lowest = ids.copy()
    np.minimum.at(lowest, codes, lows)
    return ids, ids, lowest


def _rows(kind: int, node: Ids, root: Ids, low: Ids) -> Iterator[pa.RecordBatch]:
    return to_batches(NAMES, np.full(node.size, kind), node, root, low)


def mix(ids: Ids, key: int) -> Ids:
    """A bijection of the 64-bit integers that looks like a random order, one for each key."""
    words: NDArray[np.uint64] = ids.view(np.uint64) ^ np.uint64(_FACTORS[0] * (key + 1) % 2**64)
    for factor in _FACTORS:
        words *= np.uint64(factor)
        words ^= words >> np.uint64(32)
    return words.view(np.int64)


def unmix(ids: Ids, key: int) -> Ids:
    """The inverse of `mix`."""
    words: NDArray[np.uint64] = ids.view(np.uint64).copy()
    for factor in reversed(_FACTORS):
        words ^= words >> np.uint64(32)
        words *= np.uint64(pow(factor, -1, 2**64))
    return (words ^ np.uint64(_FACTORS[0] * (key + 1) % 2**64)).view(np.int64)
