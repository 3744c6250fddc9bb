"""The last step where one task can hold what is left."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from databank.identity.components import blocks
from databank.identity.components.check import prove_forest, prove_labels, require
from databank.identity.components.forest import Codes, Ids, build_forest, hook, merge
from databank.identity.components.mixing import SLICE_SALT, first_of_trees, slice_starts, unmix


def label_forests(batches: Iterable[pa.RecordBatch], *, size: int) -> Iterator[pa.RecordBatch]:
    """Labels of all ids, from the forests of all chunks.

    Args:
        batches: Blocks of forests, in any order.
        size: How many ids they hold, an id once a chunk.

    Returns:
        Blocks of (id, smallest id of its component), which tell how many ids there are.
    """
    chunks = _gather(batches, size)
    if not chunks:
        return
    known = merge([ids for ids, _ in chunks])
    places = [np.searchsorted(known, ids).astype(np.int32) for ids, _ in chunks]
    a = np.concatenate(places)
    b = np.concatenate([place[tree] for place, (_, tree) in zip(places, chunks, strict=True)])
    apart = a != b
    root = hook(known.size, a[apart], b[apart])
    ids = unmix(known, SLICE_SALT)
    smallest = ids.copy()
    np.minimum.at(smallest, root, ids)
    labels = smallest[root]
    prove_labels(chunks, known, a, b, ids, labels)
    yield from blocks.write_blocks(ids, labels, part=0, tally=ids.size)


def label_links(
    batches: Iterable[pa.RecordBatch], *, size: int, key: int, slices: int
) -> Iterator[pa.RecordBatch]:
    """Labels of the ids that are still linked after the rounds.

    Args:
        batches: Blocks of links between mixed ids.
        size: How many links there are.
        key: Of the order in which an id is first in its component.
        slices: Into how many parts the labels go.

    Returns:
        Blocks of (mixed id, the mixed id that stands for its component), which tell how many
        components there are.
    """
    u, v = blocks.concat(list(blocks.read_blocks(batches)))
    require(u.size == size, "links got lost")
    if u.size:
        forest = build_forest(u, v)
        prove_forest(u, v, forest)
        labels = first_of_trees(forest.ids, forest.root, key)
        trees = np.count_nonzero(forest.root == np.arange(forest.ids.size))
        yield from blocks.write_blocks(
            forest.ids, labels, starts=slice_starts(slices), kind=blocks.LABEL, tally=int(trees)
        )


def _gather(batches: Iterable[pa.RecordBatch], size: int) -> list[tuple[Ids, Codes]]:
    """Each chunk's ids, in order, and the place of each one's root among them."""
    of_origin: dict[int, list[blocks.Block]] = defaultdict(list)
    for each in blocks.read_blocks(batches):
        of_origin[each.origin].append(each)
    chunks = []
    for origin in sorted(of_origin):
        parts = sorted(of_origin.pop(origin), key=lambda each: each.at)
        gapless = all(low.at + low.ids.size == high.at for low, high in pairwise(parts))
        require(gapless, "a part of a forest is missing")
        ids = np.concatenate([each.ids for each in parts])
        chunks.append((ids, np.concatenate([each.codes for each in parts])))
    require(sum(ids.size for ids, _ in chunks) == size, "forests got lost")
    return chunks
