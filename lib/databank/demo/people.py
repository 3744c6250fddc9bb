"""The persons of one block: who they are, what they own, and with whom they share it.

A block is drawn from its own random stream, and everything shared between persons (family
devices, rings, cloned IMEIs, recycled phones) is shared inside a block, so that blocks can be
simulated on any worker in any order.
"""

from dataclasses import dataclass

import numpy as np

from databank.demo import catalogue
from databank.demo.catalogue import Array
from databank.demo.config import FUTURE_DAYS, WorldSettings

BLOCK = 1000  # persons simulated together
SLOTS = 3  # browsers or devices a person; the third only in rings
_IMEIS = 0.35  # phones with an IMEI a person, about
_CLONES = 4  # phones that share a cloned IMEI, about
RENEWALS = 128  # room for replacements of one slot


@dataclass(frozen=True)
class People:
    """Latent facts, one array entry a person; persons are numbered from 1 in the whole world."""

    number: Array  # int64
    female: Array
    name_draws: Array  # (n, 5)
    taste: Array  # index into CATEGORIES
    reads: Array  # index into ARTICLES
    city: Array
    level: Array  # spend level, standard normal
    activity: Array  # sessions a day while active
    buys: Array  # probability that an online session ends in a purchase
    bills: Array  # propensity to pay by instalment, 0 .. 1
    mix: Array  # (n, 4) shares of web, app, miniprogram, store
    joined: Array  # day index; 0 = before the history
    leave: Array  # probability a day to start leaving
    ios: Array
    registered: Array
    has_card: Array
    unionid: Array  # tied to the mini programs' union id
    host: Array  # whose devices are used when not the own ones
    host_share: Array  # how often they are
    ring: Array  # ring number in the block, -1 = none
    ring_devices: Array


def draw_people(rng: np.random.Generator, settings: WorldSettings, block: int) -> People:
    """Draw the persons of a block."""
    n = min(BLOCK, settings.persons - block * BLOCK)
    female = rng.random(n) < 0.52
    taste = np.where(
        female,
        rng.choice(len(catalogue.CATEGORIES), n, p=catalogue.TASTE_BY_GENDER["f"]),
        rng.choice(len(catalogue.CATEGORIES), n, p=catalogue.TASTE_BY_GENDER["m"]),
    )
    own_reading = rng.integers(0, len(catalogue.ARTICLES), n)
    reads = np.where(rng.random(n) < 0.5, catalogue.ARTICLE_OF_TASTE[taste], own_reading)
    bills = rng.beta(0.8, 3.2, n)
    level = rng.normal(size=n)
    people = People(
        number=np.arange(n, dtype=np.int64) + block * BLOCK + 1,
        female=female,
        name_draws=rng.random((n, 5)),
        taste=taste,
        reads=reads,
        city=rng.integers(0, len(catalogue.CITIES), n),
        level=level,
        activity=np.minimum(0.105 * np.exp(rng.normal(0.0, 0.95, n)), 3.0),
        buys=np.minimum(0.11 * np.exp(0.7 * rng.normal(size=n) + 0.5 * bills), 0.6),
        bills=bills,
        mix=_channel_mix(rng, n),
        joined=_join_days(rng, n, settings.days),
        leave=0.0045 * rng.gamma(1.5, 1 / 1.5, n),
        ios=rng.random(n) < 0.42,
        registered=rng.random(n) < 0.94,
        has_card=rng.random(n) < 0.6,
        unionid=rng.random(n) < 0.8,
        host=np.arange(n),
        host_share=np.zeros(n),
        ring=np.full(n, -1),
        ring_devices=np.zeros(n, dtype=np.int64),
    )
    order = _draw_rings(rng, settings, people)
    _draw_families(rng, settings, people, order)
    return people


def _channel_mix(rng: np.random.Generator, n: int) -> Array:
    has = rng.random((n, 4)) < np.array([0.85, 0.70, 0.50, 0.45])
    has[~has.any(axis=1), 0] = True
    weights = rng.gamma(1.2, size=(n, 4)) * np.array([1.0, 1.25, 0.8, 0.16]) * has + has * 1e-3
    mix: Array = weights / weights.sum(axis=1, keepdims=True)
    return mix


def _join_days(rng: np.random.Generator, n: int, days: int) -> Array:
    """Four in five were there before; the next day brings one person in a hundred."""
    kind = rng.random(n)
    during = rng.integers(1, days, n)
    return np.where(kind < 0.01, days, np.where(kind < 0.2, during, 0))


def _draw_rings(rng: np.random.Generator, settings: WorldSettings, people: People) -> Array:
    """Turn some persons into accounts of fraud rings; return the others in random order."""
    n = len(people.number)
    order = rng.permutation(n)
    start = 0
    for ring in range(rng.poisson(settings.dirt.rings_per_10k * n / 10_000)):
        members = order[start : start + rng.integers(5, 16)]
        if len(members) < 5:
            break
        start += len(members)
        people.ring[members] = ring
        people.host[members] = members[0]
        people.host_share[members] = 1.0
        people.ring_devices[members] = rng.integers(1, 4)
        people.mix[members] = (0.0, 1.0, 0.0, 0.0)
        people.registered[members] = True
        people.activity[members] = 0.3
        people.buys[members] = 0.25
        people.level[members] = -0.8
        people.ios[members] = people.ios[members[0]]
    return order[start:]


def _draw_families(
    rng: np.random.Generator, settings: WorldSettings, people: People, order: Array
) -> None:
    wanted = round(settings.dirt.family_share * len(people.number))
    start = 0
    while wanted - start >= 2:
        family = order[start : min(start + rng.integers(2, 5), wanted)]
        if len(family) < 2:
            break
        start += len(family)
        people.host[family] = family[0]
        people.host_share[family] = 0.5


@dataclass(frozen=True)
class Belongings:
    """What persons hold on which day; D days = history, and the future behind it."""

    cookies: Array  # (n, SLOTS, D) number of the cookie in the browser on that day
    devices: Array  # (n, SLOTS, D) number of the device in the slot on that day
    second_browser: Array
    second_device: Array
    clone_of: Array  # (n * SLOTS * RENEWALS) number of the cloned IMEI, -1 = an own one
    phone: Array  # (n, 2) phone key before and from the switch; key = 2 * position + index
    phone_switch: Array  # day index, D = never


def draw_belongings(
    rng: np.random.Generator, settings: WorldSettings, people: People
) -> Belongings:
    """Draw cookies, devices and phones of a block."""
    n, dirt = len(people.number), settings.dirt
    days = settings.days + FUTURE_DAYS
    slots = n * SLOTS * RENEWALS
    groups = max(1, round(_IMEIS * n * dirt.cloned_imei / _CLONES))
    cloned = rng.random(slots) < dirt.cloned_imei
    phone, switch = _draw_phones(rng, settings, n)
    return Belongings(
        cookies=_renewals(rng, n, days, dirt.cookie_renewal),
        devices=_renewals(rng, n, days, dirt.device_renewal),
        second_browser=rng.random(n) < dirt.second_browser,
        second_device=rng.random(n) < dirt.second_device,
        clone_of=np.where(cloned, rng.integers(0, groups, slots), -1),
        phone=phone,
        phone_switch=switch,
    )


def _renewals(rng: np.random.Generator, n: int, days: int, rate: float) -> Array:
    renewed = rng.random((n, SLOTS, days), dtype=np.float32) < rate
    number: Array = np.minimum(renewed.cumsum(axis=2, dtype=np.int16), RENEWALS - 1)
    return number


def _draw_phones(rng: np.random.Generator, settings: WorldSettings, n: int) -> tuple[Array, Array]:
    """Each has a phone; some give theirs up, and a few days later it is another person's."""
    phone = np.stack([np.arange(n) * 2, np.arange(n) * 2], axis=1)
    switch = np.full(n, settings.days + FUTURE_DAYS)
    pairs = min(rng.binomial(n, settings.dirt.recycled_phone), n // 2)
    drawn = rng.permutation(n)
    before, after = drawn[:pairs], drawn[pairs : 2 * pairs]
    given_up = rng.integers(10, settings.days - 3, pairs) if pairs else np.zeros(0, np.int64)
    phone[before, 1] = before * 2 + 1
    switch[before] = given_up
    phone[after, 1] = before * 2
    switch[after] = np.minimum(given_up + rng.integers(0, 10, pairs), settings.days - 1)
    return phone, switch
