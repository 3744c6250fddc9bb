"""Connected components of the edges that one task holds, in numpy alone.

Two ideas make it quick. Dense numbers for 64-bit ids come from one sort of plain integers: the
upper bits of `id - smallest` and the position share one 64-bit word, which numpy sorts with vector
instructions, several times faster than an argsort of the ids; ids that share their upper bits are
put right afterwards, so the result is exact for any ids. Components come from hooking: each
larger end hooks onto its smallest neighbour, paths are flattened, edges inside one tree are
dropped. Every tree that still has an edge and is no local minimum is hooked, and after two passes
at most half of the trees with an edge are left: at most 2 log2(n) passes, over ever fewer edges.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Codes = NDArray[np.int32]
Words = NDArray[np.uint64]

# temporaries of this many rows stay in the processor's cache
_BLOCK = 1 << 18
# more runs than this to put right, and a plain np.unique is the better way
_MANY_RUNS = 10_000


class Forest(NamedTuple):
    """The components of some edges: node i is ids[i], its component's smallest node root[i]."""

    ids: Ids  # ascending, each id once
    root: Codes
    u: Codes  # the node of each edge's one end
    v: Codes  # and of the other


def build_forest(u: Ids, v: Ids) -> Forest:
    """Components of the edges (u[i], v[i]); a self loop makes an isolated id known."""
    ids, codes = dense_codes(np.concatenate([u, v]))
    a, b = codes[: u.size], codes[u.size :]
    return Forest(ids, hook(ids.size, a, b), a, b)


def hook(nodes: int, a: Codes, b: Codes) -> Codes:
    """The smallest node of each node's component; nodes are 0..nodes-1, (a, b) the edges."""
    parent = np.arange(nodes, dtype=np.int32)
    while a.size:
        low, high = np.minimum(a, b), np.maximum(a, b)
        np.minimum.at(parent, high, low)
        while not np.array_equal(above := parent[parent], parent):
            parent = above
        a, b = parent[low], parent[high]
        apart = a != b
        a, b = a[apart], b[apart]
    return parent


def merge(ascending: list[Ids]) -> Ids:
    """All ids of the ascending lists, ascending, each once."""
    # numpy's stable sort finds the runs that are in order and only merges them
    ids = np.sort(np.concatenate(ascending), kind="stable")
    kept = np.ones(ids.size, np.bool_)
    np.not_equal(ids[1:], ids[:-1], out=kept[1:])
    return ids[kept]


def dense_codes(values: Ids) -> tuple[Ids, Codes]:
    """Distinct values, ascending, and for each value its place among them.

    The same as `np.unique(values, return_inverse=True)`, several times as fast.
    """
    if values.size < 2:
        return values.copy(), np.zeros(values.size, np.int32)
    words, bits = _sorted_words(values)
    mask = np.uint64((1 << bits) - 1)
    ordered = np.empty_like(values)
    for at in _blocks(values.size):
        np.take(values, (words[at] & mask).view(np.int64), out=ordered[at])
    wrong = np.flatnonzero(ordered[1:] < ordered[:-1])
    heads = np.unique(words[wrong] & ~mask)
    if heads.size > _MANY_RUNS:
        unique, inverse = np.unique(values, return_inverse=True)
        return unique, inverse.astype(np.int32)
    # ids that share their upper bits stand in the order of their positions: sort such runs
    starts = np.searchsorted(words, heads)
    stops = np.searchsorted(words, heads | mask, side="right")
    for start, stop in zip(starts, stops, strict=True):
        order = np.argsort(ordered[start:stop], kind="stable")
        words[start:stop] = words[start:stop][order]
        ordered[start:stop] = ordered[start:stop][order]
    return _number(words, mask, ordered)


def _sorted_words(values: Ids) -> tuple[Words, int]:
    """(upper bits of value - smallest, position) in one word each, ascending."""
    bits = int(values.size - 1).bit_length()
    words: Words = values.view(np.uint64) - values.min().view(np.uint64)
    words >>= np.uint64(max(0, int(words.max()).bit_length() - (64 - bits)))
    words <<= np.uint64(bits)
    for at in _blocks(values.size):
        words[at] |= np.arange(at.start, at.stop, dtype=np.uint64)
    words.sort()
    return words, bits


def _number(words: Words, mask: np.uint64, ordered: Ids) -> tuple[Ids, Codes]:
    """Number the ordered values 0, 1, ... and scatter the numbers back to their positions."""
    codes = np.empty(ordered.size, np.int32)
    first = np.empty(ordered.size, np.bool_)
    first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    given = -1
    for at in _blocks(ordered.size):
        numbers = np.cumsum(first[at], dtype=np.int32)
        numbers += np.int32(given)
        codes[(words[at] & mask).view(np.int64)] = numbers
        given = int(numbers[-1])
    return ordered[first], codes


def _blocks(size: int) -> list[slice]:
    return [slice(start, min(start + _BLOCK, size)) for start in range(0, size, _BLOCK)]
