"""Rows of the other systems: store tills, ad servers and the customer file."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from databank.demo import catalogue
from databank.demo.activity import DAY_MS
from databank.demo.block import PersonBlock, lookup
from databank.demo.catalogue import SKUS, Array
from databank.demo.delivery import deliver
from databank.demo.homes import written_addresses
from databank.demo.ids import NONE
from databank.demo.online import categories, epoch_ms

_UPDATED = 0.15  # persons whose record changes once during the history
_UPDATED_NEXT_DAY = 0.02
_CLOCK = "%Y-%m-%d %H:%M:%S"


def clock_text(epoch_seconds: Array) -> pa.Array:
    """Local wall clock of a till or back office, which runs on UTC."""
    return pc.strftime(pa.array(epoch_seconds, pa.timestamp("s")), _CLOCK)


def pos_rows(block: PersonBlock) -> pa.Table:
    """Receipt lines; one receipt in six or so names neither a card nor a phone."""
    rng, visits, r = block.rng, block.visits, block.receipts
    chosen = np.flatnonzero(r.ts // DAY_MS <= block.settings.days)
    visit, ts = r.visit[chosen], r.ts[chosen]
    who = visits.who[visit]
    sent = deliver(rng, block.settings, ts, np.ones(len(visit), bool), json=False)
    shown = block.people.has_card[visits.who] & (rng.random(len(visits.who)) < 0.75)
    phoned = rng.random(len(visits.who)) < np.where(shown, 0.15, 0.6)
    stores = tuple(
        f"{city} {k + 1}" for city in catalogue.CITIES for k in range(catalogue.STORES_PER_CITY)
    )
    per_city = catalogue.STORES_PER_CITY
    place = block.people.city[visits.who] * per_city + rng.integers(0, per_city, len(visits.who))
    receipts, position = np.unique(visit, return_inverse=True)
    numbers = pa.array([f"R{block.index:06d}{v:08d}" for v in receipts], pa.string())
    card = np.where(shown[visit], who, NONE)
    phone = np.where(phoned[visit], block.ledger.phone_key(who, visits.day[visit]), NONE)
    return sent.rows(
        {
            "receipt_no": numbers.take(pa.array(position)),
            "line_no": pa.array(r.place[chosen] + 1, pa.int64()),
            "sold_at": clock_text(epoch_ms(block, sent.ts) // 1000),
            "store": lookup(stores, place[visit]),
            "card_no": block.ledger.column("member_card", card, who, sent.sound),
            "mobile": block.ledger.column("phone", phone, who, sent.sound),
            "sku": lookup(SKUS, r.item[chosen]),
            "category": categories(r.item[chosen], r.article[chosen]),
            "quantity": pa.array(r.quantity[chosen], pa.int64()),
            "cents": pa.array(r.cents[chosen], pa.int64()),
        }
    )


def ads_rows(block: PersonBlock) -> pa.Table:
    """Exposures and clicks, known by the cookie or the device they were shown on."""
    rng, ads, b = block.rng, block.ads, block.belongings
    chosen = np.flatnonzero(ads.ts // DAY_MS <= block.settings.days)
    who, ts, number = ads.who[chosen], ads.ts[chosen], ads.number[chosen]
    size = len(who)
    sent = deliver(rng, block.settings, ts, np.zeros(size, bool), json=False)
    web, app = block.people.mix[who, 0] > 0, block.people.mix[who, 1] > 0
    # Exposure and click of one impression must meet on the same kind of device.
    on_web = web & (~app | (number % 2 == 0))
    _, cookie = block.gear(b.cookies, np.zeros_like(b.second_browser), who, ts // DAY_MS)
    owner, device = block.gear(b.devices, np.zeros_like(b.second_device), who, ts // DAY_MS)
    keys = {"cookie": np.where(on_web, cookie, NONE)}
    for kind, key in block.device_keys(owner, device).items():
        keys[kind] = np.where(app & ~on_web, key, NONE)
    click = ads.click[chosen]
    cost = np.where(click, rng.uniform(0.4, 2.5, size), rng.uniform(0.005, 0.06, size))
    return sent.rows(
        {
            "eid": block.event_ids(7, number),
            "ts": pa.array(epoch_ms(block, sent.ts), pa.timestamp("ms", "UTC")),
            "action": lookup(("exposure", "click"), click.astype(int)),
            "campaign": lookup(catalogue.CAMPAIGNS, ads.campaign[chosen]),
            "channel": lookup(catalogue.AD_CHANNELS, ads.channel[chosen]),
            **{k: block.ledger.column(k, key, who, sent.sound) for k, key in keys.items()},
            "cost": pa.array(np.round(cost, 4)),
        }
    )


def crm_rows(block: PersonBlock) -> pa.Table:
    """Customer records: all of the first day, then new and changed ones, week by week.

    The gender is stated for two in five. A person without account and card has no record.
    """
    rng, people, days = block.rng, block.people, block.settings.days
    customers = np.flatnonzero(people.registered | people.has_card)
    born = people.joined[customers]
    changed = customers[rng.random(len(customers)) < _UPDATED]
    change_day = rng.integers(1, days, len(changed))
    late = customers[(rng.random(len(customers)) < _UPDATED_NEXT_DAY) & (born < days)]
    announcing = customers[rng.random(len(customers)) < 0.7]  # tell of their new phone
    announcing = announcing[block.belongings.phone_switch[announcing] <= days]
    switch = block.belongings.phone_switch[announcing]
    who = np.concatenate([customers, changed, announcing, late])
    day = np.concatenate([born, change_day, switch, np.full(len(late), days)])
    kept = day >= people.joined[who]
    who, day = who[kept], day[kept]
    first = np.arange(len(who)) < len(customers)
    return pa.table(_crm_columns(block, who, day, first))


def _crm_columns(block: PersonBlock, who: Array, day: Array, first: Array) -> dict[str, pa.Array]:
    rng, people, ledger = block.rng, block.people, block.ledger
    n, size, settings = len(people.number), len(who), block.settings
    has_phone, has_mail = rng.random(n) < 0.9, rng.random(n) < 0.6
    linked = people.registered & (rng.random(n) < 0.9)
    sound = np.ones(size, bool)
    registered = np.where(people.joined > 0, people.joined, -rng.integers(30, 1500, n))
    updated_ms = np.where(first & (day == 0), registered[who], day) * DAY_MS
    # Files come weekly; the next day's records come on their own.
    weekly = np.minimum((day + 6) // 7 * 7, settings.days - 1)
    file_day = np.where(day >= settings.days, settings.days, weekly)
    phone = np.where(has_phone[who], ledger.phone_key(who, day), NONE)
    genders = np.where(rng.random(n) < 0.4, np.where(people.female, 0, 1), -1)
    birthdays = [date(1956, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 18_000, n)]
    return {
        "at": pa.array(updated_ms),
        "day": pa.array(file_day.astype(np.int32)),
        "record_id": pa.array([f"C{number:09d}" for number in people.number[who]]),
        "card_no": ledger.column("member_card", _only(people.has_card, who), who, sound),
        "user_id": ledger.column("user_id", _only(linked, who), who, sound),
        "full_name": pa.array(names(block)).take(pa.array(who)),
        "mobile": ledger.column("phone", phone, who, sound, typo_rate=settings.dirt.crm_phone_typo),
        "email": ledger.column("email", _only(has_mail, who), who, sound),
        "gender": lookup(("F", "M"), genders[who]),
        "birthday": pa.array([birthdays[person].isoformat() for person in who]),
        "address": written_addresses(block, who),
        "city": lookup(catalogue.CITIES, _cities(rng, people.city, who, first)),
        "registered_on": pc.strftime(
            pa.array(epoch_ms(block, registered[who] * DAY_MS) // 1000, pa.timestamp("s")),
            "%Y-%m-%d",
        ),
        "opted_out": lookup(("false", "true"), (rng.random(size) < 0.08).astype(int)),
        "updated_at": clock_text(
            epoch_ms(block, updated_ms) // 1000 + rng.integers(28_800, 64_800, size)
        ),
    }


def _only(has: Array, who: Array) -> Array:
    return np.where(has[who], who, NONE)


def _cities(rng: np.random.Generator, city: Array, who: Array, first: Array) -> Array:
    moved = ~first & (rng.random(len(who)) < 0.2)
    return np.where(moved, rng.integers(0, len(catalogue.CITIES), len(who)), city[who])


def names(block: PersonBlock) -> list[str]:
    """The full name of every person of the block."""
    people = block.people
    return [
        catalogue.full_name("f" if female else "m", draws)
        for female, draws in zip(people.female, people.name_draws, strict=True)
    ]
