"""The way back from the last round: labels for the ids of each round, and then their smallest id.

An id's label is its roots' label, one round later. Each slice asks for the labels of its roots,
each root once; the slice that has them answers. So no root that many ids share makes a task large:
two shuffles a round, of 8 and of 16 bytes for a root, next to the rows that stay in their slice.

All roots that an id has in any chunk must get one label: in the first round the two ends of every
edge have a root in common. And at the end there must be as many labels as there are components.
"""

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Observation, functions as F

from databank.identity.components import blocks
from databank.identity.components.check import prove_codes, require
from databank.identity.components.forest import Codes, Ids, dense_codes
from databank.identity.components.mixing import SLICE_SALT, slice_starts, unmix
from databank.identity.components.rounds import Contracted, to_slices, total
from databank.identity.components.scratch import Scratch

_Kinds = dict[int, list[blocks.Block]]


def expand(graph: Contracted, last: DataFrame, trees: int, *, scratch: Scratch) -> DataFrame:
    """Label all ids, level by level from the last round to the first.

    Args:
        graph: Result of the rounds.
        last: Blocks (mixed id, label) of ids that were still linked; any other id is its own label.
        trees: Number of components among them.
        scratch: Folder for the labels of each round.

    Returns:
        Blocks of (id, smallest id of its component), graph.ids of them.

    Raises:
        ComponentsCheckError: If labels got lost, or there are more or fewer than components.
    """
    labels, components = last, trees
    for number, level in reversed(list(enumerate(graph.levels))):
        asking = partial(_ask, slices=graph.slices)
        requests = _of_kind(level, blocks.ROOT).mapInArrow(asking, blocks.SCHEMA).unionAll(labels)
        answers = to_slices(requests, graph.slices).mapInArrow(_answer, blocks.SCHEMA)
        both = to_slices(answers.unionAll(_of_kind(level, blocks.TREE)), graph.slices)
        applied = both.mapInArrow(_apply if number else _apply_first, blocks.SCHEMA)
        seen = Observation()
        loose = total("tally", blocks.LABEL if number else blocks.ROOT).alias("loose")
        ids = total("tally", blocks.TREE).alias("ids")
        labels = scratch.write(applied.observe(seen, loose, ids), f"labels-{number + 1}")
        scratch.remove(f"labels-{number + 2}")
        scratch.remove(f"round-{number}")
        components += int(seen.get["loose"])
        require(number > 0 or seen.get["ids"] == graph.ids, "ids got lost")
    return _smallest(labels, graph, components, scratch)


def _smallest(level: DataFrame, graph: Contracted, components: int, scratch: Scratch) -> DataFrame:
    """Label the ids of the first round by the smallest id that has their label."""
    asking = partial(_ask, slices=graph.slices)
    requests = _of_kind(level, blocks.ROOT).mapInArrow(asking, blocks.SCHEMA)
    answers = to_slices(requests, graph.slices).mapInArrow(_answer_smallest, blocks.SCHEMA)
    both = to_slices(answers.unionAll(_of_kind(level, blocks.TREE)), graph.slices)
    seen = Observation()
    counts = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("size", "tally")]
    named = both.mapInArrow(_apply_smallest, blocks.SCHEMA).observe(seen, *counts)
    stored = scratch.write(named, "labels-0")
    scratch.remove("labels-1")
    require(seen.get["size"] == graph.ids, "ids got lost")
    require(seen.get["tally"] == components, "components too many or too few")
    return stored


def _of_kind(level: DataFrame, kind: int) -> DataFrame:
    return level.where(F.col("kind") == kind)


# ---- tasks


def _ask(batches: Iterable[pa.RecordBatch], *, slices: int) -> Iterator[pa.RecordBatch]:
    """Send the roots of each part, and what it knows of them, to the slices that know more."""
    starts = slice_starts(slices)
    for each in blocks.read_blocks(batches):
        yield from blocks.write_blocks(
            each.ids, each.partners, starts=starts, kind=blocks.ASK, origin=each.part, at=each.at
        )


def _answer(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Answer with the label of each requested root: itself where no link to it is left.

    The answers count the roots without a link.
    """
    kinds = blocks.by_kind(batches)
    asks = kinds[blocks.ASK]
    if not asks:
        return
    ids, labels = _sorted(kinds[blocks.LABEL])
    roots = np.concatenate([each.ids for each in asks])
    values, loose = roots, np.ones(roots.size, np.bool_)
    if ids.size:
        place = np.searchsorted(ids, roots).clip(max=ids.size - 1)
        loose = ids[place] != roots
        values = np.where(loose, roots, labels[place])
    yield from blocks.answer(asks, values, tally=np.unique(roots[loose]).size)


def _apply(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    kinds = blocks.by_kind(batches)
    if _has_trees(kinds):
        ids, codes, labels = _labelled(kinds)
        part, loose = kinds[blocks.TREE][0].part, _tally(kinds)
        yield from blocks.write_blocks(
            ids, labels[codes], part=part, kind=blocks.LABEL, tally=loose
        )


def _apply_first(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Label all ids of the first round; labels become roots that know the smallest id so far."""
    kinds = blocks.by_kind(batches)
    if _has_trees(kinds):
        ids, codes, labels = _labelled(kinds)
        known, numbers = dense_codes(labels)
        prove_codes(labels, known, numbers)
        codes = numbers[codes]
        smallest = np.full(known.size, np.iinfo(np.int64).max)
        np.minimum.at(smallest, codes, unmix(ids, SLICE_SALT))
        part, loose = kinds[blocks.TREE][0].part, _tally(kinds)
        yield from blocks.write_blocks(
            ids, codes=codes, part=part, kind=blocks.TREE, tally=ids.size
        )
        yield from blocks.write_blocks(known, smallest, part=part, kind=blocks.ROOT, tally=loose)


def _answer_smallest(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    asks = blocks.by_kind(batches)[blocks.ASK]
    if asks:
        ids, smallest = _sorted(asks)
        first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
        known, smallest = ids[first], np.minimum.reduceat(smallest, first)
        roots = np.concatenate([each.ids for each in asks])
        yield from blocks.answer(asks, smallest[np.searchsorted(known, roots)])


def _apply_smallest(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Label each id by the smallest, and count the ids that are the smallest of a component."""
    kinds = blocks.by_kind(batches)
    if _has_trees(kinds):
        ids, codes, smallest = _labelled(kinds)
        ids, component = unmix(ids, SLICE_SALT), smallest[codes]
        require(bool(np.all(component <= ids)), "a label that is not the smallest id")
        smallest_ids = int(np.count_nonzero(component == ids))
        yield from blocks.write_blocks(ids, component, part=0, tally=smallest_ids)


def _has_trees(kinds: _Kinds) -> bool:
    require(bool(kinds[blocks.TREE]) or not kinds[blocks.ANSWER], "answers without ids")
    return bool(kinds[blocks.TREE])


def _labelled(kinds: _Kinds) -> tuple[Ids, Codes, Ids]:
    """List the slice's ids, each once; the number of its root; and the answers for the roots."""
    trees = kinds[blocks.TREE]
    ends = np.cumsum([each.ids.size for each in trees])
    require([0, *ends[:-1]] == [each.at for each in trees], "rows of ids are missing")
    require(ends[-1] == sum(each.tally for each in trees), "rows of ids are missing")
    ids = np.concatenate([each.ids for each in trees])
    codes = np.concatenate([each.codes for each in trees])
    roots, labels = _sorted(kinds[blocks.ANSWER])
    complete = roots.size == codes.max() + 1 and bool(np.all(roots[1:] > roots[:-1]))
    require(complete, "answers without a request, or none")
    given, again = labels[codes], ids[1:] == ids[:-1]
    require(bool(np.all(given[1:][again] == given[:-1][again])), "an edge between two labels")
    first = np.append(True, ~again)
    return ids[first], codes[first], labels


def _tally(kinds: _Kinds) -> int:
    return sum(each.tally for each in kinds[blocks.ANSWER])


# blocks are in the order of their origins: their ids are runs that a stable sort only merges
def _sorted(held: list[blocks.Block]) -> tuple[Ids, Ids]:
    ids, partners = blocks.concat(held)
    order = np.argsort(ids, kind="stable")
    return ids[order], partners[order]
