"""What persons do: visits on four channels, the events of a visit, receipts, ads seen."""

from dataclasses import dataclass

import numpy as np

from databank.demo import catalogue
from databank.demo.catalogue import Array
from databank.demo.config import WorldSettings
from databank.demo.life import ABSENT, INTENSITY, week_rhythm
from databank.demo.people import People
from databank.demo.purchases import EXTRA_LINE, draw_items, draw_lines, priced

WEB, APP, MINIPROGRAM, STORE = range(4)
EVENTS = (
    "page_view", "view_item", "search", "favourite", "add_to_cart",
    "login", "read", "view_bill", "purchase",
)  # fmt: skip
_PAGE, _VIEW, _SEARCH, _FAVOURITE, _CART, _LOGIN, _READ, _BILL, _PURCHASE = range(9)
_BROWSING = np.array([0.30, 0.47, 0.09, 0.05, 0.09]).cumsum()
_LOGGED_IN = np.array([0.72, 0.95, 0.85, 0.0])  # share of visits of registered persons
_RETURNED = 0.03  # store lines that are brought back
DAY_MS = 86_400_000
# Shares of the day's visits by hour: a quiet night, a noon bump, a long evening.
_HOURS = np.array([1.2, 0.6, 0.3, 0.2, 0.2, 0.4, 1, 2, 3.2, 4, 4.4, 4.8,
                   5.6, 4.8, 4.2, 4.2, 4.4, 4.8, 5.4, 6.6, 8, 8.2, 6.2, 3.2])  # fmt: skip
_OPEN = np.array([0] * 10 + [2, 3, 4, 3, 3, 3, 4, 5, 6, 6, 4, 2, 0, 0])


@dataclass(frozen=True)
class Visits:
    """One entry a visit, ordered by person and day; day indices count from the first day."""

    who: Array
    day: Array
    channel: Array
    second: Array  # start in the day
    logged_in: Array
    has_login: Array  # the visit starts with a login event


@dataclass(frozen=True)
class Happenings:
    """One entry an online event or a receipt line."""

    visit: Array
    place: Array  # position in the visit or line of the receipt, from 0
    name: Array  # index into EVENTS
    ts: Array  # true time, milliseconds since the first day
    item: Array  # -1 = none
    article: Array  # index into ARTICLES, -1 = none
    quantity: Array  # 0 = none
    cents: Array


@dataclass(frozen=True)
class Ads:
    """One entry an exposure or click."""

    who: Array
    ts: Array
    number: Array  # exposure number; a click carries that of its exposure
    click: Array
    campaign: Array
    channel: Array


def draw_visits(
    rng: np.random.Generator, settings: WorldSettings, people: People, states: Array
) -> Visits:
    """Visits of history and future; a Poisson number a person and day."""
    rate = people.activity[:, None] * INTENSITY[states] * week_rhythm(settings)
    counts = rng.poisson(rate).ravel()
    who, day = np.divmod(np.repeat(np.arange(counts.size), counts), states.shape[1])
    size = len(who)
    cumulative = people.mix.cumsum(axis=1)[who]
    channel = np.minimum((rng.random(size)[:, None] > cumulative).sum(axis=1), STORE)
    hours = rng.choice(24, size, p=_HOURS / _HOURS.sum())
    opening = rng.choice(24, size, p=_OPEN / _OPEN.sum())
    logged_in = people.registered[who] & (rng.random(size) < _LOGGED_IN[channel])
    return Visits(
        who=who,
        day=day,
        channel=channel,
        second=np.where(channel == STORE, opening, hours) * 3600 + rng.integers(0, 3600, size),
        logged_in=logged_in,
        has_login=logged_in & (rng.random(size) < 0.7),
    )


def draw_online(rng: np.random.Generator, people: People, visits: Visits) -> Happenings:
    """Events of the visits on web, app and mini programs.

    A visit may start with a login; a visit that ends in a purchase puts the same item into the
    cart right before it.
    """
    online = np.flatnonzero(visits.channel != STORE)
    sizes = 2 + rng.poisson(2.9, len(online))
    visit = np.repeat(online, sizes)
    place = np.arange(len(visit)) - np.repeat(sizes.cumsum() - sizes, sizes)
    who = visits.who[visit]
    left = np.repeat(sizes, sizes) - place - 1
    buys = (rng.random(len(online)) < people.buys[visits.who[online]]).repeat(sizes)
    name = _browse(rng, people, who)
    name[(place == 0) & visits.has_login[visit]] = _LOGIN
    name[buys & (left == 1) & (place > 0)] = _CART
    name[buys & (left == 0)] = _PURCHASE
    item = np.where(_has_item(name), draw_items(rng, people, who), -1)
    paired = np.flatnonzero(buys & (left == 1) & (place > 0))
    item[paired] = item[paired + 1]
    wanted = np.flatnonzero((name == _CART) | (name == _PURCHASE))
    lines = priced(rng, item[wanted])
    quantity, cents = np.zeros((2, len(visit)), dtype=np.int64)
    quantity[wanted], cents[wanted] = lines.quantity, lines.cents
    pace = rng.integers(12, 90, len(online)).repeat(sizes)
    start = np.minimum(visits.second[visit], 86_399 - np.repeat(sizes, sizes) * 100)
    ts = (start + place * pace) * 1000 + rng.integers(0, 10_000, len(visit))
    return Happenings(
        visit=visit,
        place=place,
        name=name,
        ts=visits.day[visit] * DAY_MS + ts,
        item=item,
        article=_articles(rng, people, who, name),
        quantity=quantity,
        cents=cents,
    )


def _browse(rng: np.random.Generator, people: People, who: Array) -> Array:
    size = len(who)
    drawn = np.searchsorted(_BROWSING, rng.random(size) * _BROWSING[-1], side="right")
    name: Array = np.minimum(drawn, _CART)
    name[rng.random(size) < 0.14] = _READ
    name[rng.random(size) < 0.16 * people.bills[who]] = _BILL
    return name


def _has_item(name: Array) -> Array:
    having: Array = np.isin(name, (_VIEW, _FAVOURITE, _CART, _PURCHASE))
    return having


def _articles(rng: np.random.Generator, people: People, who: Array, name: Array) -> Array:
    liked = rng.random(len(who)) < 0.6
    another = rng.integers(0, len(catalogue.ARTICLES), len(who))
    return np.where(name == _READ, np.where(liked, people.reads[who], another), -1)


def draw_receipts(rng: np.random.Generator, people: People, visits: Visits) -> Happenings:
    """Lines of store receipts; some lines come back as a return within ten days."""
    store = np.flatnonzero(visits.channel == STORE)
    sizes = 1 + rng.binomial(2, EXTRA_LINE, len(store))
    visit = np.repeat(store, sizes)
    place = np.arange(len(visit)) - np.repeat(sizes.cumsum() - sizes, sizes)
    lines = draw_lines(rng, people, visits.who[visit])
    ts = visits.day[visit] * DAY_MS + visits.second[visit] * 1000
    back = np.flatnonzero(rng.random(len(visit)) < _RETURNED)
    later = ts[back] + rng.integers(1, 10, len(back)) * DAY_MS

    def with_returns(values: Array, returned: Array) -> Array:
        return np.concatenate([values, returned])

    nothing = np.full(len(visit) + len(back), -1)
    return Happenings(
        visit=with_returns(visit, visit[back]),
        place=with_returns(place, place[back] + 10),
        name=np.full(len(nothing), _PURCHASE),
        ts=with_returns(ts, later),
        item=with_returns(lines.item, lines.item[back]),
        article=nothing,
        quantity=with_returns(lines.quantity, -lines.quantity[back]),
        cents=with_returns(lines.cents, -lines.cents[back]),
    )


def draw_ads(rng: np.random.Generator, people: People, visits: Visits, states: Array) -> Ads:
    """Exposures follow activity and go on a little for people who are gone; clicks need a visit."""
    shown = 0.09 * INTENSITY[states] + 0.01 * (states != ABSENT)
    counts = rng.poisson(shown).ravel()
    cell = np.repeat(np.arange(counts.size), counts)
    who, day = np.divmod(cell, states.shape[1])
    size = len(who)
    campaign = rng.choice(len(catalogue.CAMPAIGNS), size, p=[0.3, 0.4, 0.3])
    visited = np.zeros(counts.size, dtype=bool)
    visited[visits.who * states.shape[1] + visits.day] = True
    tempted = 0.05 + np.where(campaign == 0, 0.9 * people.bills[who], 0.0)
    clicks = np.flatnonzero(visited[cell] & (rng.random(size) < tempted))
    ts = day * DAY_MS + rng.integers(6 * 3_600_000, 23 * 3_600_000, size)
    pick = np.concatenate([np.arange(size), clicks])
    click = np.arange(len(pick)) >= size
    return Ads(
        who=who[pick],
        ts=ts[pick] + click * rng.integers(1000, 60_000, len(pick)),
        number=pick,
        click=click,
        campaign=campaign[pick],
        channel=rng.integers(0, len(catalogue.AD_CHANNELS), size)[pick],
    )
