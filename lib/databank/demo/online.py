"""Rows of the three online systems: web, app and mini programs."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from databank.demo import catalogue
from databank.demo.activity import APP, DAY_MS, EVENTS, MINIPROGRAM, WEB
from databank.demo.block import PersonBlock, lookup
from databank.demo.catalogue import APP_IDS, ARTICLES, CATEGORIES, RUNGS, SKUS, Array
from databank.demo.delivery import Delivery, deliver
from databank.demo.ids import NONE, IdMaker

_EPOCH = np.datetime64("1970-01-01")


@dataclass(frozen=True)
class _Events:
    """The events of one channel up to the next day."""

    visit: Array
    who: Array
    day: Array
    name: Array
    purchase: Array
    login: Array
    sent: Delivery
    columns: dict[str, pa.Array]


def epoch_ms(block: PersonBlock, ts: Array) -> Array:
    """Milliseconds since 1970 of milliseconds since the first day."""
    first = np.datetime64(block.settings.first_day.isoformat())
    epoch: Array = ts + int((first - _EPOCH).astype(int)) * DAY_MS
    return epoch


def categories(item: Array, article: Array) -> pa.Array:
    """Category of the item or of the article; null without either."""
    of_article = np.where(article >= 0, article + len(CATEGORIES), -1)
    index = np.where(item >= 0, item // RUNGS, of_article)
    return lookup((*CATEGORIES, *ARTICLES), index)


def whole(values: Array, known: Array) -> pa.Array:
    """Whole numbers, null where not known."""
    return pa.array(values, pa.int64(), mask=~known)


def _events(block: PersonBlock, channel: int) -> _Events:
    online, visits = block.online, block.visits
    chosen = np.flatnonzero(
        (visits.channel[online.visit] == channel) & (online.ts // DAY_MS <= block.settings.days)
    )
    visit, name, cents = online.visit[chosen], online.name[chosen], online.cents[chosen]
    purchase = name == EVENTS.index("purchase")
    ts = online.ts[chosen]
    sent = deliver(block.rng, block.settings, ts, purchase, json=True)
    return _Events(
        visit=visit,
        who=visits.who[visit],
        day=ts // DAY_MS,
        name=name,
        purchase=purchase,
        login=name == EVENTS.index("login"),
        sent=sent,
        columns={
            "eid": block.event_ids(channel, chosen),
            "name": lookup(EVENTS, name),
            "item_id": lookup(SKUS, online.item[chosen]),
            "category": categories(online.item[chosen], online.article[chosen]),
            "quantity": whole(online.quantity[chosen], cents > 0),
            "cents": whole(cents, cents > 0),
        },
    )


def _user_column(block: PersonBlock, e: _Events) -> pa.Array:
    keys = np.where(block.visits.logged_in[e.visit], e.who, NONE)
    return block.ledger.column("user_id", keys, e.who, e.sent.sound)


def _phone_column(block: PersonBlock, e: _Events, stating: Array) -> pa.Array:
    keys = np.where(stating, block.ledger.phone_key(e.who, e.day), NONE)
    return block.ledger.column("phone", keys, e.who, e.sent.sound)


def web_rows(block: PersonBlock) -> pa.Table:
    """Web events; some checkouts state a phone or a mail, times come in three spellings."""
    rng, visits, e = block.rng, block.visits, _events(block, WEB)
    b, size, n_visits = block.belongings, len(e.who), len(visits.who)
    _, cookie = block.gear(b.cookies, b.second_browser, visits.who, visits.day)
    utm = np.where(rng.random(n_visits) < 0.2, rng.integers(0, 4, n_visits), -1)
    campaign = np.where(utm >= 0, rng.integers(0, len(catalogue.CAMPAIGNS), n_visits), -1)
    mail = np.where(e.purchase & (rng.random(size) < 0.25), e.who, NONE)
    return e.sent.rows(
        {
            **e.columns,
            "ts": _spelled(rng, epoch_ms(block, e.sent.ts)),
            "cookie": block.ledger.column("cookie", cookie[e.visit], e.who, e.sent.sound),
            "user_id": _user_column(block, e),
            "mobile": _phone_column(block, e, e.purchase & (rng.random(size) < 0.3)),
            "mail": block.ledger.column("email", mail, e.who, e.sent.sound),
            "utm_source": lookup(catalogue.UTM_SOURCES, utm[e.visit]),
            "utm_campaign": lookup(catalogue.CAMPAIGNS, campaign[e.visit]),
            "session": block.event_ids(8, e.visit),
            "screen": lookup(catalogue.WEB_SCREENS, visits.who[e.visit] % 5),
            "quoted": pa.array(rng.random(size) < 0.15),
        }
    )


def _spelled(rng: np.random.Generator, epoch: Array) -> pa.Array:
    style = rng.choice(3, len(epoch), p=[0.7, 0.2, 0.1])
    ways = (
        (epoch // 1000, "s", "%Y-%m-%dT%H:%M:%SZ"),
        (epoch // 1000 + 8 * 3600, "s", "%Y-%m-%dT%H:%M:%S+08:00"),
        (epoch, "ms", "%Y-%m-%dT%H:%M:%SZ"),  # a millisecond clock prints its fraction
    )
    spelled = [
        pc.strftime(pa.array(clock[style == way], pa.timestamp(unit)), form)
        for way, (clock, unit, form) in enumerate(ways)
    ]
    back = np.argsort(np.argsort(style, kind="stable"), kind="stable")
    return pa.concat_arrays(spelled).take(pa.array(back))


def app_rows(block: PersonBlock) -> pa.Table:
    """App events with the ids of the device; families and rings share devices."""
    rng, visits, e = block.rng, block.visits, _events(block, APP)
    b, size = block.belongings, len(e.who)
    owner, key = block.gear(b.devices, b.second_device, visits.who, visits.day)
    devices = block.device_keys(owner[e.visit], key[e.visit])
    return e.sent.rows(
        {
            **e.columns,
            "ts": pa.array(epoch_ms(block, e.sent.ts)),
            "platform": lookup(("android", "ios"), block.people.ios[owner[e.visit]].astype(int)),
            **{
                kind: block.ledger.column(kind, keys, e.who, e.sent.sound)
                for kind, keys in devices.items()
            },
            "user_id": _user_column(block, e),
            "mobile": _phone_column(block, e, e.purchase & (rng.random(size) < 0.2)),
        }
    )


def miniprogram_rows(block: PersonBlock) -> pa.Table:
    """Mini program events; the openid differs by program, the phone shows when authorised."""
    rng, visits, e = block.rng, block.visits, _events(block, MINIPROGRAM)
    size, n_visits = len(e.who), len(visits.who)
    app = (rng.random(n_visits) < 0.3).astype(np.int64)
    bound = block.people.unionid[visits.who] & (rng.random(n_visits) < 0.8)
    unionid = np.where(bound, visits.who, NONE)[e.visit]
    stating = (e.purchase | e.login) & (rng.random(size) < 0.6)
    return e.sent.rows(
        {
            **e.columns,
            "ts": pa.array(epoch_ms(block, e.sent.ts) // 1000),
            "app_id": lookup(APP_IDS, app[e.visit]),
            "openid": block.ledger.column(
                "wechat_openid", e.who * 2 + app[e.visit], e.who, e.sent.sound
            ),
            "unionid": block.ledger.column("wechat_unionid", unionid, e.who, e.sent.sound),
            "mobile": _phone_column(block, e, stating),
        }
    )


def bot_rows(block: PersonBlock, like: pa.Schema) -> pa.Table:
    """Page views of bots in the columns of web_rows: no person, one cookie, thousands of rows."""
    settings, rng = block.settings, block.rng
    bots = rng.poisson(settings.dirt.bots_per_10k * len(block.people.number) / 10_000)
    bots = max(bots, 1) if block.index == 0 and settings.dirt.bots_per_10k > 0 else bots
    size = bots * settings.dirt.bot_views
    at = rng.integers(0, settings.days * DAY_MS, size)
    make = IdMaker(settings.seed)
    cookies = tuple(make.cookie(-block.index - 1, bot) for bot in range(bots)) or ("",)
    item = rng.integers(0, len(SKUS), size)
    columns = {
        "at": pa.array(at),
        "eid": block.event_ids(WEB, np.arange(size) + (1 << 27)),
        "ts": _spelled(rng, epoch_ms(block, at)),
        "name": lookup(EVENTS, (rng.random(size) < 0.6).astype(int)),
        "cookie": lookup(cookies, np.arange(size) % max(bots, 1)),
        "item_id": lookup(SKUS, item),
        "category": lookup(CATEGORIES, item // RUNGS),
        "session": block.event_ids(8, np.arange(size) // 50 + (1 << 27)),
        "screen": lookup(("800x600",), np.zeros(size, dtype=int)),
        "day": pa.array((at // DAY_MS).astype(np.int32)),
        **{flaw: pa.array(np.zeros(size, bool)) for flaw in ("cut", "bad_ts", "bad_amount")},
        "quoted": pa.array(np.zeros(size, bool)),
    }
    return pa.table(
        [columns.get(f.name, pa.nulls(size, f.type)).cast(f.type) for f in like], schema=like
    )
