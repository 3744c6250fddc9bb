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

from databank.identity.components import packs
from databank.identity.components.check import prove_codes, require
from databank.identity.components.forest import Codes, Ids, dense_codes
from databank.identity.components.mixing import PLACE, slice_starts, unmix
from databank.identity.components.rounds import Contracted, to_slices, total
from databank.identity.components.scratch import Scratch

_Kinds = dict[int, list[packs.Pack]]


def expand(graph: Contracted, last: DataFrame, trees: int, *, scratch: Scratch) -> DataFrame:
    """Labels of all ids.

    Args:
        graph: What the rounds left.
        last: Packs (mixed id, label) of what was still linked; whatever is not, is its own label.
        trees: How many components that is.
        scratch: Where the labels of each round are stored.

    Returns:
        Packs of (id, smallest id of its component), graph.ids of them.

    Raises:
        ComponentsCheckError: If labels got lost, or there are more or fewer than components.
    """
    labels, components = last, trees
    for number, level in reversed(list(enumerate(graph.levels))):
        asking = partial(_ask, slices=graph.slices)
        asked = _of_kind(level, packs.ROOT).mapInArrow(asking, packs.SCHEMA).unionAll(labels)
        answers = to_slices(asked, graph.slices).mapInArrow(_answer, packs.SCHEMA)
        both = to_slices(answers.unionAll(_of_kind(level, packs.TREE)), graph.slices)
        applied = both.mapInArrow(_apply if number else _apply_first, packs.SCHEMA)
        seen = Observation()
        loose = total("told", packs.LABEL if number else packs.ROOT).alias("loose")
        ids = total("told", packs.TREE).alias("ids")
        labels = scratch.write(applied.observe(seen, loose, ids), f"labels-{number + 1}")
        scratch.remove(f"labels-{number + 2}")
        scratch.remove(f"round-{number}")
        components += int(seen.get["loose"])
        require(number > 0 or seen.get["ids"] == graph.ids, "ids got lost")
    return _smallest(labels, graph, components, scratch)


def _smallest(level: DataFrame, graph: Contracted, components: int, scratch: Scratch) -> DataFrame:
    """The first round's ids, named by the smallest id of all that have their label."""
    asking = partial(_ask, slices=graph.slices)
    asked = _of_kind(level, packs.ROOT).mapInArrow(asking, packs.SCHEMA)
    answers = to_slices(asked, graph.slices).mapInArrow(_answer_smallest, packs.SCHEMA)
    both = to_slices(answers.unionAll(_of_kind(level, packs.TREE)), graph.slices)
    seen = Observation()
    counts = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("size", "told")]
    named = both.mapInArrow(_apply_smallest, packs.SCHEMA).observe(seen, *counts)
    stored = scratch.write(named, "labels-0")
    scratch.remove("labels-1")
    require(seen.get["size"] == graph.ids, "ids got lost")
    require(seen.get["told"] == components, "components too many or too few")
    return stored


def _of_kind(level: DataFrame, kind: int) -> DataFrame:
    return level.where(F.col("kind") == kind)


# ---- tasks


def _ask(batches: Iterable[pa.RecordBatch], *, slices: int) -> Iterator[pa.RecordBatch]:
    """The roots of each part, and what it knows of them, for the slices that know more."""
    starts = slice_starts(slices)
    for each in packs.unpack(batches):
        yield from packs.pack(
            each.ids, each.partners, starts=starts, kind=packs.ASK, origin=each.part, at=each.at
        )


def _answer(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The label of each root that is asked for: itself where nothing links it any more.

    The answers tell how many such roots there are.
    """
    kinds = packs.by_kind(batches)
    asks = kinds[packs.ASK]
    if not asks:
        return
    ids, labels = _sorted(kinds[packs.LABEL])
    roots = np.concatenate([each.ids for each in asks])
    found, loose = roots, np.ones(roots.size, np.bool_)
    if ids.size:
        place = np.searchsorted(ids, roots).clip(max=ids.size - 1)
        loose = ids[place] != roots
        found = np.where(loose, roots, labels[place])
    yield from packs.reply(asks, found, told=np.unique(roots[loose]).size)


def _apply(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    kinds = packs.by_kind(batches)
    if _has_trees(kinds):
        ids, codes, labels = _labelled(kinds)
        part, loose = kinds[packs.TREE][0].part, _told(kinds)
        yield from packs.pack(ids, labels[codes], part=part, kind=packs.LABEL, told=loose)


def _apply_first(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """In the first round, all ids: the labels become roots that know the smallest id so far."""
    kinds = packs.by_kind(batches)
    if _has_trees(kinds):
        ids, codes, labels = _labelled(kinds)
        known, numbers = dense_codes(labels)
        prove_codes(labels, known, numbers)
        codes = numbers[codes]
        smallest = np.full(known.size, np.iinfo(np.int64).max)
        np.minimum.at(smallest, codes, unmix(ids, PLACE))
        part, loose = kinds[packs.TREE][0].part, _told(kinds)
        yield from packs.pack(ids, codes=codes, part=part, kind=packs.TREE, told=ids.size)
        yield from packs.pack(known, smallest, part=part, kind=packs.ROOT, told=loose)


def _answer_smallest(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    asks = packs.by_kind(batches)[packs.ASK]
    if asks:
        ids, smallest = _sorted(asks)
        first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
        known, smallest = ids[first], np.minimum.reduceat(smallest, first)
        asked = np.concatenate([each.ids for each in asks])
        yield from packs.reply(asks, smallest[np.searchsorted(known, asked)])


def _apply_smallest(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Labels, which tell how many ids are the smallest of their component."""
    kinds = packs.by_kind(batches)
    if _has_trees(kinds):
        ids, codes, smallest = _labelled(kinds)
        ids, component = unmix(ids, PLACE), smallest[codes]
        require(bool(np.all(component <= ids)), "a label that is not the smallest id")
        told = int(np.count_nonzero(component == ids))
        yield from packs.pack(ids, component, part=0, told=told)


def _has_trees(kinds: _Kinds) -> bool:
    require(bool(kinds[packs.TREE]) or not kinds[packs.ANSWER], "answers without ids")
    return bool(kinds[packs.TREE])


def _labelled(kinds: _Kinds) -> tuple[Ids, Codes, Ids]:
    """The slice's ids, each once; the number of its root; and the answers for the roots."""
    trees = kinds[packs.TREE]
    ends = np.cumsum([each.ids.size for each in trees])
    require([0, *ends[:-1]] == [each.at for each in trees], "rows of ids are missing")
    require(ends[-1] == sum(each.told for each in trees), "rows of ids are missing")
    ids = np.concatenate([each.ids for each in trees])
    codes = np.concatenate([each.codes for each in trees])
    roots, labels = _sorted(kinds[packs.ANSWER])
    complete = roots.size == codes.max() + 1 and bool(np.all(roots[1:] > roots[:-1]))
    require(complete, "answers that nobody asked for, or none")
    given, again = labels[codes], ids[1:] == ids[:-1]
    require(bool(np.all(given[1:][again] == given[:-1][again])), "an edge between two labels")
    first = np.append(True, ~again)
    return ids[first], codes[first], labels


def _told(kinds: _Kinds) -> int:
    return sum(each.told for each in kinds[packs.ANSWER])


# in the order of where packs come from, ids are in runs that a stable sort has only to merge
def _sorted(held: list[packs.Pack]) -> tuple[Ids, Ids]:
    ids, partners = packs.joined(held)
    order = np.argsort(ids, kind="stable")
    return ids[order], partners[order]
