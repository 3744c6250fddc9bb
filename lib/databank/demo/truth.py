"""What is true in the world: owners of identifiers, latents of persons, the next 30 days."""

import numpy as np
import pyarrow as pa

from databank.demo import catalogue
from databank.demo.activity import DAY_MS, EVENTS
from databank.demo.block import PersonBlock, lookup
from databank.demo.catalogue import Array
from databank.demo.config import FUTURE_DAYS
from databank.demo.homes import draw_homes
from databank.demo.ids import render
from databank.demo.ledger import ID_TYPES
from databank.demo.life import GONE
from databank.demo.offline import names

IDENTIFIER = pa.schema(
    [
        ("id_type", pa.string()),
        ("scope", pa.string()),
        ("id_value", pa.string()),
        ("person", pa.int64()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        ("sharing", pa.string()),
    ]
)


def _dates(block: PersonBlock, days: Array, known: Array) -> pa.Array:
    first = np.datetime64(block.settings.first_day.isoformat())
    return pa.array((first + days.astype("m8[D]")), pa.date32(), mask=~known)


def identifier_rows(block: PersonBlock) -> pa.Table:
    """One row per identifier and person who used it in a readable row of landing or arrivals.

    id_value is canonical. [valid_from, valid_to) is when the person held it, null = still does.
    sharing: own, family, ring, clone or recycled. Call it after all row builders.
    """
    parts = []
    for id_type in ID_TYPES:
        key, who = block.ledger.used(id_type)
        begin, end, sharing = block.ledger.held(id_type, key, who)
        parts.append(
            pa.table(
                [
                    lookup((id_type,), np.zeros(len(key), dtype=int)),
                    pa.array([block.ledger.scope(id_type, k) for k in key.tolist()], pa.string()),
                    _canonical(block, id_type, key),
                    pa.array(block.people.number[who]),
                    _dates(block, begin, np.ones(len(key), bool)),
                    _dates(block, end, end <= block.settings.days),
                    pa.array(sharing, pa.string()),
                ],
                schema=IDENTIFIER,
            )
        )
    return pa.concat_tables(parts)


def _canonical(block: PersonBlock, id_type: str, keys: Array) -> pa.Array:
    return render(id_type, keys, None, lambda key: block.ledger.text(id_type, key))


def person_rows(block: PersonBlock) -> pa.Table:
    """One row per person: latents, ring, home, days of joining and leaving, and the oracle's view.

    household is a person's number, the same for a family; null in a hall of residence.
    joined and left are dates; left is the first day of the spell of fading or absence that the
    last day of the history lies in, null for the active. returned: came back in the history.
    p_churn, p_high_value and expected_spend: see life.foretell; null for who joins later.
    """
    people, days, oracle = block.people, block.settings.days, block.oracle
    past = block.states[:, :days]
    last = past[:, -1]
    active_last = days - np.argmax((past == 0)[:, ::-1], axis=1)
    back = ((past[:, :-1] == GONE) & (past[:, 1:] == 0)).any(axis=1)
    ring = np.where(people.ring >= 0, block.index * 1000 + people.ring, -1)
    household = draw_homes(block).household
    unknown = np.isnan(oracle.p_churn)
    everyone = np.ones(len(last), bool)
    return pa.table(
        {
            "person": pa.array(people.number),
            "gender": lookup(("m", "f"), people.female.astype(int)),
            "full_name": pa.array(names(block)),
            "taste": lookup(catalogue.CATEGORIES, people.taste),
            "reads": lookup(catalogue.ARTICLES, people.reads),
            "city": lookup(catalogue.CITIES, people.city),
            "ring": pa.array(ring, pa.int64(), mask=ring < 0),
            "household": pa.array(household, pa.int64(), mask=household < 0),
            "joined": _dates(block, people.joined, everyone),
            "left": _dates(block, active_last, (last > 0) & (last <= GONE)),
            "returned": pa.array(back),
            "sessions_a_day": pa.array(people.activity),
            "spend_level": pa.array(people.level),
            "instalment": pa.array(people.bills),
            "p_churn": pa.array(oracle.p_churn, mask=unknown),
            "p_high_value": pa.array(oracle.p_high_value, mask=unknown),
            "expected_spend": pa.array(oracle.expected_spend, mask=unknown),
        }
    )


def future_rows(block: PersonBlock) -> pa.Table:
    """One row per person for the 30 days after the history.

    purchases: purchase events and receipt lines without returns; amount: yuan, returns
    subtracted; events: all on web, app, mini programs and tills (ads are not activity).
    """
    n, days = len(block.people.number), block.settings.days
    purchases, cents, events = np.zeros((3, n))
    for happenings in (block.online, block.receipts):
        day = happenings.ts // DAY_MS
        future = (day >= days) & (day < days + FUTURE_DAYS)
        who = block.visits.who[happenings.visit[future]]
        bought = happenings.name[future] == EVENTS.index("purchase")
        spent = np.where(bought, happenings.cents[future], 0)
        purchases += np.bincount(who, bought & (spent > 0), n)
        cents += np.bincount(who, spent, n)
        events += np.bincount(who, minlength=n)
    return pa.table(
        {
            "person": pa.array(block.people.number),
            "purchases": pa.array(purchases.astype(np.int64)),
            "amount": pa.array(cents / 100),
            "events": pa.array(events.astype(np.int64)),
        }
    )
