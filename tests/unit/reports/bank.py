"""A small warehouse with every table that a report reads, made by hand and by one seed."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from typing import Any, cast

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from databank.reports.config import NoteConfig, ReportConfig, RfmNote
from databank.reports.reader import Reader
from databank.session import small_frame
from databank.tables import Column, DeltaStore, Store, TableSpec
from databank.tables.ops import METRIC, RUN
from tests.unit.reports.frames import SCHEMAS, frame_of, table_of

DAY = date(2026, 3, 31)
STAGES = ("aware", "interest", "purchase", "loyalty")
CONFIG = ReportConfig(
    title="Acme retail",
    currency="CNY",
    stages=STAGES,
    rfm=RfmNote(event="purchase"),
    sessions=True,
    tags=(
        NoteConfig(name="logins_30d", description="Logins in 30 days", unit="logins"),
        NoteConfig(name="spend_90d", description="Money spent in 90 days", unit="CNY"),
        NoteConfig(name="favourite_category", description="Category bought most often"),
    ),
    audiences=(
        NoteConfig(name="instalment_prospects", description="May want to pay by instalment"),
        NoteConfig(name="nobody_at_all", description="An audience that nobody is in"),
    ),
    models=(NoteConfig(name="churn", description="Leaves within 30 days"),),
    lookalikes=(NoteConfig(name="like_instalment", description="Like those who took it"),),
)

_SOURCES = {"web_events": "web", "app_events": "app", "store_orders": "store"}
_TYPES = ("cookie", "phone", "wechat_openid", "email")
_PAGES = ("", "sale", "sale", "help")
_CHANNELS = ("direct", "direct", "email", "organic search")
_SEGMENTS = {True: "champions", False: "at_risk"}


class HandMade(Reader):
    """A reader of frames in memory: as many tables in Delta would take a minute to write."""

    def __init__(self, spark: SparkSession, rows: dict[str, pd.DataFrame]) -> None:
        # the store is for `table` and `ledger` alone, which are answered here
        super().__init__(cast(Store, None), DAY, "UTC")
        self._spark, self._rows = spark, rows

    def table(self, name: str) -> DataFrame | None:
        """A table as a frame."""
        if name not in self._rows:
            self.missing.add(name)
            return None
        return table_of(self._spark, name, self._rows[name])

    def ledger(self, name: str) -> DataFrame | None:
        """What the runner would have written."""
        spec, rows = {"ops.run": (RUN, _runs()), "ops.metric": (METRIC, _figures())}[name]
        return small_frame(self._spark, rows, spec.schema())


def publish(store: DeltaStore, *names: str, rows: dict[str, pd.DataFrame]) -> None:
    """Write and publish some of the tables in Delta."""
    store.start_run("made-by-hand", ())
    for name in names:
        types = StructType.fromDDL(SCHEMAS[name])
        columns = tuple(Column(f.name, f.dataType.simpleString(), "") for f in types.fields)
        spec = TableSpec(name=name, grain="one row", columns=columns, owner="test")
        store.replace(spec, table_of(store.spark, name, rows[name]))
    store.publish("test", DAY)


def bank_frames(persons: int, seed: int) -> dict[str, pd.DataFrame]:
    """The rows of every table as pandas frames: what the oracles of tests count."""
    rng = np.random.default_rng(seed)
    ids = _identities(persons, rng)
    events = _events(persons, ids["identity.person"], rng)
    stages = _stages(persons, rng)
    return {
        **ids,
        **events,
        **_visits(persons, np.random.default_rng(seed)),
        **stages,
        **_tags(persons, rng),
        **_models(rng),
        **_audiences(persons, rng),
    }


def _identities(persons: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    identifiers, links, key = [], [], 1000
    for person in range(1, persons + 1):
        for kind in _TYPES[: int(rng.integers(1, 5))]:
            for _ in range(int(rng.integers(1, 5)) if kind == "cookie" else 1):
                key += 1
                identifiers.append((key, kind, "", f"SECRET-{kind}-{key}", None))
                links.append((key, person, None, None))
    for kind in ("imei", "imei", "phone"):
        key += 1
        identifiers.append((key, kind, "", f"SECRET-{kind}-{key}", None))
    identifiers += [(-n, "address", "", f"SECRET-address-{n}", True) for n in range(1, 4)]
    # persons 1 and 2, 3 and 4 ... share a home, and the last ones live alone
    homes = [("household", person, (person + 1) // 2) for person in range(1, persons - 4)]
    homes += [("household", person, person) for person in range(persons - 4, persons + 1)]
    rejected = [
        (key - 2, None, "limit", "imei seen with 7 different user_id (limit 1)", DAY),
        (key - 1, None, "limit", "imei seen with 31 different user_id (limit 1)", DAY),
        (key, None, "blocked", f"placeholder SECRET-phone-{key}", DAY),
        (1001, 1002, "bridge", "two strong identifiers of one type", DAY),
    ]
    last_week = DAY - timedelta(days=7)
    kinds = ["new"] * 9 + ["merge"] * 3 + ["split"]
    changes = [(last_week, "new", p, None) for p in range(1, persons - 8)]
    changes += [(DAY, kind, persons - i, None) for i, kind in enumerate(kinds)]
    at = datetime(2026, 3, 30, 12, tzinfo=UTC)
    pairs = [(a, b) for (a, p, *_), (b, q, *_) in pairwise(links) if p == q]
    # each person was seen with the two that are excluded last
    first = {person: a for a, person, *_ in reversed(links)}
    pairs += [(a, b) for a in first.values() for b in (key - 1, key)]
    edges = [(a, b, "crm", "profile", at, a % 30) for a, b in pairs]
    return {
        "identity.edges": frame_of("identity.edges", edges),
        "identity.identifier": frame_of("identity.identifier", identifiers),
        "identity.person": frame_of("identity.person", links),
        "identity.changes": frame_of("identity.changes", changes),
        "identity.rejected": frame_of("identity.rejected", rejected),
        "identity.entity": frame_of("identity.entity", homes),
        "identity.entity_rejected": frame_of(
            "identity.entity_rejected", [("household", -1, None), ("household", -2, 7)]
        ),
    }


def _events(persons: int, links: pd.DataFrame, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    keys = list(links["id_key"])
    events = []
    for i in range(persons * 25):
        source = ("web_events", "web_events", "app_events", "store_orders")[int(rng.integers(4))]
        day = DAY - timedelta(days=int(rng.integers(0, 75)))
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        key = None if rng.random() < 0.03 else int(rng.choice(keys))
        amount = Decimal("49.90") if source == "store_orders" else None
        name = "purchase" if amount else "page_view"
        page = (
            f"https://shop.example/{_PAGES[i % 4]}?session=SECRET-{i}" if amount is None else None
        )
        events.append((source, f"e{i}", at, day, name, _SOURCES[source], key, amount, page))
    faults = ["no_time"] * 12 + ["broken_line"] * 5 + ["unreadable_amount"] * 3
    held = [
        (list(_SOURCES)[i % 2], i, rule, f"SECRET-reason-{i}", f"SECRET-raw-{i}")
        for i, rule in enumerate(faults)
    ]
    profiles = [("crm", f"r{p}", keys[p]) for p in range(persons)]
    items = [("catalogue", f"SKU-{i}") for i in range(40)]
    files = [
        (s, f"{s}/{n}.json", sum(e[0] == s for e in events) // 3 + 12, "ok")
        for s, n in product(_SOURCES, range(3))
    ]
    files += [("crm", "crm.csv", persons, "ok"), ("catalogue", "items.csv", 40, "ok")]
    return {
        "core.events": frame_of("core.events", events),
        "core.profiles": frame_of("core.profiles", profiles),
        "core.items": frame_of("core.items", items),
        "raw.file": frame_of("raw.file", files),
        "ops.quarantine": frame_of("ops.quarantine", held),
    }


def _visits(persons: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    rows = []
    for person in range(1, persons + 1):
        for ago in range(0, 75, int(rng.integers(2, 9))):
            channel = _CHANNELS[int(rng.integers(4))]
            events = int(rng.integers(1, 6))
            entry = f"https://shop.example/SECRET@mail.example/{ago}" if ago == 0 else None
            seconds = 40.0 * (events - 1)
            rows.append(
                (person, DAY - timedelta(days=ago), 1, seconds, events, events, entry, channel)
            )
    return {"archive.visit": frame_of("archive.visit", rows)}


def _stages(persons: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    then = rng.choice(["none", "new", *STAGES], persons, p=[0.2, 0.1, 0.25, 0.2, 0.15, 0.1])
    step = rng.choice([-1, 0, 0, 0, 1], persons)
    rank = {name: i for i, name in enumerate(["none", *STAGES])}
    names = ["none", *STAGES]
    now = [
        names[int(rng.integers(1, 3))]
        if stage == "new"
        else names[int(np.clip(rank[stage] + s, 0, 4))]
        for stage, s in zip(then, step, strict=True)
    ]
    now[0], then[0] = "gone", "aware"
    pairs = pd.Series(zip(then, now, strict=True)).value_counts()
    first = date(2026, 3, 1)
    flow = [(first, DAY, a, b, int(n)) for (a, b), n in pairs.items()]
    flow.append((date(2026, 2, 1), date(2026, 3, 1), "aware", "aware", 5))
    staged = [(p + 1, DAY, s) for p, s in enumerate(now) if s in STAGES]
    staged += [(p + 1, first, "aware") for p in range(5)]
    rfm = []
    for person in range(1, persons + 1):
        f = int(np.clip(rng.geometric(0.4), 1, 5))
        r = int(np.clip(rng.integers(1, 6) + (f > 2), 1, 5))
        spent = float(np.round(f * rng.lognormal(4, 0.5), 2))
        name = _SEGMENTS[r >= 4 and f >= 3] if r != 3 else "promising"
        rfm.append((person, DAY, r, f, None, name, (6 - r) * 12, f, spent))
    return {
        "lifecycle.stage": frame_of("lifecycle.stage", staged),
        "lifecycle.flow": frame_of("lifecycle.flow", flow),
        "lifecycle.rfm": frame_of("lifecycle.rfm", rfm),
    }


def _tags(persons: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    rows: list[tuple[Any, ...]] = []
    taste = ("electronics", "fashion", "beauty", "grocery", "home")
    for person in range(1, persons + 1):
        rows.append((person, "logins_30d", None, float(rng.poisson(6)), None, DAY))
        if rng.random() < 0.6:
            rows.append((person, "spend_90d", None, float(rng.lognormal(5, 1)), None, DAY))
        kind = taste[int(rng.choice(5, p=[0.35, 0.3, 0.2, 0.12, 0.03]))]
        rows.append((person, "favourite_category", kind, None, None, DAY))
        rows.append((person, "gender", "f" if rng.random() < 0.55 else "m", None, None, DAY))
        rows.append((person, "display_name", f"SECRET-name-{person}", None, None, DAY))
        for i in range(14):
            if rng.random() < 0.9 / (i + 1):
                tag = f"rule_tag_with_quite_a_long_name_{i}"
                rows.append((person, tag, "true", None, None, DAY))
    return {"tags.person_tag": frame_of("tags.person_tag", rows)}


def _models(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    trained = [
        ("churn", 1, DAY - timedelta(days=60), "champion", "random_forest", 200, 0.71, 0.02, 0.2),
        ("churn", 2, DAY - timedelta(days=30), "champion", "random_forest", 200, 0.78, 0.02, 0.2),
        ("churn", 3, DAY, "refused", "random_forest", 200, 0.61, 0.05, 0.2),
        ("buys_soon", 1, DAY, "champion", "logistic_regression", 200, 0.69, 0.03, 0.1),
    ]
    lift = []
    for model, version, sharp in (("churn", 1, 1.0), ("churn", 2, 3.0), ("buys_soon", 1, 1.8)):
        weights = np.exp(-sharp * np.arange(10) / 5)
        positives = np.maximum((weights / weights.sum() * 40).astype(int), 0)
        gains = positives.cumsum() / positives.sum()
        for i, (n, gain) in enumerate(zip(positives, gains, strict=True)):
            rate = float(n) / 20
            of_all = rate / (positives.sum() / 200)
            lift.append(
                (model, version, "holdout", i + 1, 20, int(n), rate, float(of_all), float(gain))
            )
    scores = [("churn", 2, DAY, p, float(rng.random())) for p in range(1, 41)]
    return {
        "models.training": frame_of("models.training", trained),
        "models.lift": frame_of("models.lift", lift),
        "models.score": frame_of("models.score", scores),
    }


def _audiences(persons: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    shares = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0]
    gain = [("like_instalment", DAY, s, float(s**0.45), float(s**0.45 / s)) for s in shares]
    lookalikes = [("like_instalment", DAY, p, p, 1 / p, _level(p)) for p in range(1, 40)]
    names = {"instalment_prospects": 0.3, "app_users": 0.7, "opted_out": 0.05, "vip": 0.12}
    members = [
        (name, DAY, person)
        for name, part in names.items()
        for person in range(1, persons + 1)
        if rng.random() < part
    ]
    members += [("vip", DAY - timedelta(days=1), p) for p in range(1, persons + 1)]
    return {
        "lookalike.gain": frame_of("lookalike.gain", gain),
        "lookalike.member": frame_of("lookalike.member", lookalikes),
        "audiences.member": frame_of("audiences.member", members),
    }


def _level(rank: int) -> str | None:
    return "high" if rank <= 8 else "medium" if rank <= 30 else None


def _runs() -> list[tuple[Any, ...]]:
    at = datetime(2026, 3, 31, 6, tzinfo=UTC)
    jobs = [
        ("ingest", 21.4, "done"),
        ("resolve_identity", 17.2, "done"),
        ("build_tags", 9.9, "done"),
        ("train_model", 30.5, "refused"),
        ("build_tags", 4.9, "previewed"),
        ("build_tags", 1.0, "rolled back"),
    ]
    return [
        (f"r{i}", job, [], DAY, outcome, None, "c", 1, {}, {}, {"t": 100 * i}, at, seconds)
        for i, (job, seconds, outcome) in enumerate(jobs)
    ]


def _figures() -> list[tuple[Any, ...]]:
    figures = {
        "rows_read": {"web_events": 900, "app_events": 400},
        "rows_repeated": {"web_events": 41, "app_events": 0},
        "rows_late": {"app_events": 7},
    }
    return [
        ("r0", "ingest", DAY, name, {"source": source}, float(value))
        for name, values in figures.items()
        for source, value in values.items()
    ]
