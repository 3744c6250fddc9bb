"""What a person puts into the basket: item, quantity and price."""

from dataclasses import dataclass

import numpy as np

from databank.demo.catalogue import CATEGORIES, POPULARITY, RUNGS, Array, list_prices
from databank.demo.people import People

EXTRA_LINE = 0.3  # a store receipt has one line and up to two more
_FAITH = 0.55  # share of goods taken from the favourite category
_PRICES = list_prices()
_POPULAR = POPULARITY.cumsum()


@dataclass(frozen=True)
class Lines:
    """One entry a line: item number, pieces, and the amount of the line in cents."""

    item: Array
    quantity: Array
    cents: Array


def draw_items(rng: np.random.Generator, people: People, who: Array) -> Array:
    """An item for each entry of who: favourite or popular category, rung by spend level."""
    size = len(who)
    popular = np.searchsorted(_POPULAR, rng.random(size) * _POPULAR[-1], side="right")
    category = np.where(rng.random(size) < _FAITH, people.taste[who], popular)
    category = np.minimum(category, len(CATEGORIES) - 1)
    rung = RUNGS // 2 + 3.5 * people.level[who] + 3.0 * rng.normal(size=size)
    item: Array = category * RUNGS + np.clip(np.rint(rung), 0, RUNGS - 1).astype(np.int64)
    return item


def priced(rng: np.random.Generator, item: Array) -> Lines:
    """Quantity and amount for items that are bought or put into the cart."""
    size = len(item)
    more = rng.random(size)
    quantity = 1 + (more < 0.22).astype(np.int64) + (more < 0.05)
    paid = _PRICES[item] * (1 - 0.15 * rng.random(size) ** 3)
    return Lines(item, quantity, np.rint(paid * 100).astype(np.int64) * quantity)


def draw_lines(rng: np.random.Generator, people: People, who: Array) -> Lines:
    """A bought line for each entry of who."""
    return priced(rng, draw_items(rng, people, who))
