"""Random orders of ids: a bijection of the 64-bit integers for each key, and slices of its range.

All steps keep ids mixed with one key, SLICE_SALT, and in that order: mixed ids are spread evenly
whatever the ids were, so equal slices of the range hold about equally many. Which id of a tree is
its root is decided by another key: roots that were the first of their trees in the order of the
slices would crowd in the first slices.
"""

import numpy as np
from numpy.typing import NDArray

from databank.identity.components.forest import Codes, Ids

SLICE_SALT = 0

_FACTORS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


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


def reordered(ids: Ids, key: int) -> Ids:
    """Ids that are mixed with SLICE_SALT, mixed with the key instead."""
    return mix(unmix(ids, SLICE_SALT), key)


def first_of_trees(ids: Ids, root: Codes, key: int) -> Ids:
    """Give each id (mixed with SLICE_SALT) the first id of its tree in the order of the key."""
    first = np.full(ids.size, np.iinfo(np.int64).max)
    np.minimum.at(first, root, reordered(ids, key))
    trees = np.flatnonzero(root == np.arange(ids.size, dtype=np.int32))
    first[trees] = mix(unmix(first[trees], key), SLICE_SALT)
    return first[root]


def slice_starts(slices: int) -> Ids:
    """The smallest mixed id of every slice but the first."""
    return np.array([number * 2**64 // slices - 2**63 for number in range(1, slices)], np.int64)
