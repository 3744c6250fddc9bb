"""Random orders of ids: a bijection of the 64-bit integers for each key, and slices of its range.

Every step sorts ids by their mixed value. Mixed ids are spread evenly whatever the ids were, so
equal slices of the range hold about equally many, and "the first neighbour" is a random one.
"""

import numpy as np
from numpy.typing import NDArray

from databank.identity.components.forest import Ids

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


def remix(ids: Ids, key: int, other: int) -> Ids:
    """Ids mixed with one key, mixed with the other instead."""
    return ids if key == other else mix(unmix(ids, key), other)


def slice_starts(slices: int) -> Ids:
    """The smallest mixed id of every slice but the first."""
    return np.array([number * 2**64 // slices - 2**63 for number in range(1, slices)], np.int64)
