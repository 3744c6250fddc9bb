"""The way back from the last round: labels for the ids of each round, and then their smallest id.

An id's label is its roots' label, one round later. Each slice asks for the labels of its roots,
each root once; the slice that has them answers. So no root that many ids share makes a task large:
two shuffles a round, of 8 and of 16 bytes for a root, next to the rows that stay in their slice.

All roots that an id has in any chunk must get one label. That is the check of the whole: in the
first round the two ends of every edge have a root in common.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Observation, functions as F

from databank.identity.components import packs
from databank.identity.components.check import require
from databank.identity.components.forest import Codes, Ids, dense_codes
from databank.identity.components.mixing import mix, remix, slice_starts, unmix
from databank.identity.components.rounds import Level
from databank.identity.components.scratch import Scratch

_Kinds = dict[int, list[packs.Pack]]


def expand(levels: list[Level], last: Level, *, scratch: Scratch) -> DataFrame:
    """Labels of all ids.

    Args:
        levels: The rounds, first round first.
        last: Packs (mixed id, label) of what was still linked; whatever is not, is its own label.
        scratch: Where the labels of each round are stored.

    Returns:
        Packs of (id, smallest id of its component).

    Raises:
        ComponentsCheckError: If two roots of an id have two labels, or labels get lost.
    """
    above = last
    for number, level in reversed(list(enumerate(levels))):
        trees, roots = _of_kind(level, packs.TREE), _of_kind(level, packs.ROOT)
        asking = partial(_ask, key=level.key, above=above.key, slices=above.slices)
        asked = roots.mapInArrow(asking, packs.SCHEMA).unionAll(above.rows)
        asked = asked.repartitionById(above.slices, F.col("part"))
        answers = asked.mapInArrow(partial(_answer, above=above.key), packs.SCHEMA)
        both = answers.unionAll(trees).repartitionById(level.slices, F.col("part"))
        apply = partial(_apply if number else _apply_first, key=level.key, above=above.key)
        labels = scratch.write(both.mapInArrow(apply, packs.SCHEMA), f"labels-{number + 1}")
        scratch.remove(f"labels-{number + 2}")
        scratch.remove(f"round-{number}")
        above = Level(labels, level.key, level.slices)
    return _smallest(above, scratch)


def _smallest(level: Level, scratch: Scratch) -> DataFrame:
    """The first round's ids, named by the smallest id of all that have their label."""
    asking = partial(_ask, key=level.key, above=level.key, slices=level.slices)
    asked = _of_kind(level, packs.ROOT).mapInArrow(asking, packs.SCHEMA)
    asked = asked.repartitionById(level.slices, F.col("part"))
    seen, named = Observation(), Observation()
    told = F.coalesce(F.sum("told"), F.lit(0)).alias("components")
    answers = asked.mapInArrow(_answer_smallest, packs.SCHEMA).observe(seen, told)
    both = answers.unionAll(_of_kind(level, packs.TREE))
    both = both.repartitionById(level.slices, F.col("part"))
    result = both.mapInArrow(partial(_apply_smallest, key=level.key), packs.SCHEMA)
    stored = scratch.write(result.observe(named, told), "labels-0")
    scratch.remove("labels-1")
    require(seen.get == named.get, "labels that no id is named by")
    return stored


def _of_kind(level: Level, kind: int) -> DataFrame:
    return level.rows.where(F.col("kind") == kind)


# ---- tasks


def _ask(
    batches: Iterable[pa.RecordBatch], *, key: int, above: int, slices: int
) -> Iterator[pa.RecordBatch]:
    """The roots of each part, for the slices that know about them; what else is told goes along."""
    starts = slice_starts(slices)
    for part, held in _by_part(batches).items():
        roots, told = _sorted(held)
        if key != above:
            roots = remix(roots, key, above)
            roots.sort()
        yield from packs.pack(roots, told, starts=starts, kind=packs.ASK, origin=part)


def _answer(batches: Iterable[pa.RecordBatch], *, above: int) -> Iterator[pa.RecordBatch]:
    """The label of each root that is asked for: its own id where nothing links it any more."""
    kinds = _by_kind(batches)
    ids, labels = _sorted(kinds[packs.LABEL])
    for each in kinds[packs.ASK]:
        found = unmix(each.ids, above)
        if ids.size:
            place = np.searchsorted(ids, each.ids).clip(max=ids.size - 1)
            found = np.where(ids[place] == each.ids, labels[place], found)
        yield from _reply(each, found)


def _apply(batches: Iterable[pa.RecordBatch], *, key: int, above: int) -> Iterator[pa.RecordBatch]:
    kinds = _by_kind(batches)
    if kinds[packs.TREE]:
        ids, codes, labels = _labelled(kinds, key, above)
        part = kinds[packs.TREE][0].part
        yield from packs.pack(ids, labels[codes], part=part, kind=packs.LABEL)


def _apply_first(
    batches: Iterable[pa.RecordBatch], *, key: int, above: int
) -> Iterator[pa.RecordBatch]:
    """In the first round, all ids: the labels become roots that know the smallest id so far."""
    kinds = _by_kind(batches)
    if not kinds[packs.TREE]:
        return
    ids, codes, labels = _labelled(kinds, key, above)
    known, numbers = dense_codes(mix(labels, key))
    codes = numbers[codes]
    smallest = np.full(known.size, np.iinfo(np.int64).max)
    np.minimum.at(smallest, codes, unmix(ids, key))
    part = kinds[packs.TREE][0].part
    yield from packs.pack(ids, codes=codes, part=part, kind=packs.TREE)
    yield from packs.pack(known, smallest, part=part, kind=packs.ROOT)


def _labelled(kinds: _Kinds, key: int, above: int) -> tuple[Ids, Codes, Ids]:
    """The slice's ids, each once; the number of its root; and the labels of the roots."""
    ids, codes = _numbered(kinds)
    roots, labels = _sorted(kinds[packs.ANSWER])
    require(roots.size == codes.max() + 1, "answers that nobody asked for, or none")
    if key != above:  # the roots are numbered in the order of this level's key
        labels = labels[np.argsort(remix(roots, above, key))]
    given, again = labels[codes], ids[1:] == ids[:-1]
    require(bool(np.all(given[1:][again] == given[:-1][again])), "an edge between two labels")
    first = np.append(True, ~again)
    return ids[first], codes[first], labels


def _answer_smallest(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    asks = list(packs.unpack(batches))
    if not asks:
        return
    ids, smallest = _sorted(asks)
    first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    known, smallest = ids[first], np.minimum.reduceat(smallest, first)
    told = known.size
    for each in asks:
        found = smallest[np.searchsorted(known, each.ids)]
        yield from _reply(each, found, told=told)
        told = 0


def _apply_smallest(batches: Iterable[pa.RecordBatch], *, key: int) -> Iterator[pa.RecordBatch]:
    kinds = _by_kind(batches)
    if not kinds[packs.TREE]:
        return
    mixed, codes = _numbered(kinds)
    _, smallest = _sorted(kinds[packs.ANSWER])
    require(smallest.size == codes.max() + 1, "answers that nobody asked for, or none")
    ids, component = unmix(mixed, key), smallest[codes]
    require(bool(np.all(component <= ids)), "a label that is not the smallest id")
    told = int(np.count_nonzero(component == ids))
    yield from packs.pack(ids, component, part=0, told=told)


def _reply(ask: packs.Pack, found: Ids, *, told: int = 0) -> Iterator[pa.RecordBatch]:
    return packs.pack(
        ask.ids, found, part=ask.origin, kind=packs.ANSWER, origin=ask.part, at=ask.at, told=told
    )


def _numbered(kinds: _Kinds) -> tuple[Ids, Codes]:
    trees = sorted(kinds[packs.TREE], key=lambda each: each.at)
    return np.concatenate([t.ids for t in trees]), np.concatenate([t.codes for t in trees])


# packs come in any order; in theirs, ids are in runs that a stable sort has only to merge
def _sorted(held: list[packs.Pack]) -> tuple[Ids, Ids]:
    ids, partners = packs.joined(sorted(held, key=lambda each: (each.origin, each.at)))
    order = np.argsort(ids, kind="stable")
    return ids[order], partners[order] if partners.size else partners


def _by_part(batches: Iterable[pa.RecordBatch]) -> dict[int, list[packs.Pack]]:
    found: dict[int, list[packs.Pack]] = defaultdict(list)
    for each in packs.unpack(batches):
        found[each.part].append(each)
    return found


def _by_kind(batches: Iterable[pa.RecordBatch]) -> _Kinds:
    found: dict[int, list[packs.Pack]] = defaultdict(list)
    for each in packs.unpack(batches):
        found[each.kind].append(each)
    return found
