"""Windows of hours against loops over events, on days with 23 and 24 hours, beside whole days."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.archive.build import JOB
from databank.archive.config import ArchiveConfig
from databank.archive.frame import person_frame
from databank.archive.window_values import macro_columns
from databank.expressions import Macro, parse_expression
from databank.expressions.numbers import DECIMAL
from databank.identity.tables import PERSON, REJECTED
from databank.session import small_frame
from databank.sources.tables import EVENTS
from tests.support.bank import Bank
from tests.support.frames import frame
from tests.unit.models.world import context_on

ZONE = "Europe/Berlin"
SHORT = date(2026, 3, 29)  # the clock goes from 2 to 3
END = datetime(2026, 3, 29, 22, tzinfo=UTC)  # its last instant, in summer time
DAY, STEP = timedelta(days=1), timedelta(microseconds=1)
CONFIG = ArchiveConfig.model_validate(
    {
        "dimensions": {
            "view": {"shop": "props['shop']", "points": "try_cast(props['points'] as double)"},
            "buy": {"shop": "props['shop']"},
        }
    }
)
# 3 goes from one person to another at the end of the short day; 9 is a device that persons share
PERSONS = """
    1 | 101 | |
    2 | 102 | |
    3 | 103 | | 2026-03-30
    3 | 104 | 2026-03-30 |
    4 | 105 | |"""


class Event(NamedTuple):
    """An event; its identifiers the strongest first."""

    at: datetime
    event: str
    ids: tuple[int, ...]
    terminal: str | None
    shop: str | None
    points: str | None
    amount: int | None  # cents
    quantity: int | None

    @property
    def day(self) -> date:
        return self.at.astimezone(ZoneInfo(ZONE)).date()

    @property
    def person(self) -> int | None:
        own = next((key for key in self.ids if key != 9), None)
        if own == 3:
            return 103 if self.day <= SHORT else 104
        return {1: 101, 2: 102, 4: 105}.get(own or 0)


def planted() -> list[Event]:
    """Events around the short day, some of them on the edges of windows."""
    draw = random.Random(5)
    edges = [END - timedelta(hours=hours) for hours in (0, 1, 24)]
    times = [END - timedelta(seconds=draw.randrange(-90_000, 300_000)) for _ in range(250)]
    ticks = [
        Event(edge + more, "tick", (4,), None, None, None, None, None)
        for edge in edges
        for more in (-STEP, timedelta())
    ]
    drawn = [
        Event(
            at,
            event := draw.choice(["view", "view", "buy"]),
            draw.choice([(1,), (2,), (3,), (9, 1), (9,), ()]),
            draw.choice(["app", "web", None]),
            draw.choice(["Bath", "York", None]),
            draw.choice(["1.5", "4", "-2", "none", None]),
            draw.choice([250, 999, -100, None]) if event == "buy" else None,
            draw.choice([None, 1, 3]),
        )
        for at in times
    ]
    return ticks + drawn


def events_frame(spark: SparkSession, events: list[Event]) -> DataFrame:
    rows = [
        ("web", f"e{n}", e.at, e.day, e.event, e.terminal, e.ids[0] if e.ids else None,
         list(e.ids), e.shop, e.points, e.amount, e.quantity)
        for n, e in enumerate(events)
    ]  # fmt: skip
    schema = (
        "source string, event_id string, event_ts timestamp, day date, event string, "
        "terminal string, id_key bigint, ids array<bigint>, shop string, points string, "
        "cents bigint, quantity int"
    )
    props = F.create_map(F.lit("shop"), "shop", F.lit("points"), "points")
    events_of_day = small_frame(spark, rows, schema).withColumns(
        {
            "props": props,
            "amount": (F.col("cents") / 100).cast(DECIMAL),
            "quantity": F.col("quantity").cast(DECIMAL),
        }
    )
    return events_of_day.drop("shop", "points", "cents")


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    made = Bank(spark_session, tmp_path_factory.mktemp("hours"), ZONE)
    schema = "id_key bigint, person_id bigint, valid_from date, valid_to date"
    excluded = frame(spark_session, "a_key bigint, rule string", "9 | limit")
    given = {
        EVENTS: events_frame(spark_session, planted()),
        PERSON: frame(spark_session, schema, PERSONS),
        REJECTED: excluded,
    }
    made.publish(given, day=SHORT + DAY)
    made.run(JOB, CONFIG, day=SHORT + DAY)
    return made


def values_of(
    bank: Bank, texts: list[str], as_of: date
) -> tuple[dict[int, dict[str, Any]], set[str]]:
    """Values by person and text, and which tables were read."""
    expressions = [parse_expression(text) for text in texts]
    store = bank.store
    store.start_run("reader", ())
    context = replace(context_on(store, day=SHORT + DAY, tables=()), settings=bank.settings)
    values_frame = person_frame(context, expressions, CONFIG, as_of=as_of)
    named = {text: each.macros[0].column for text, each in zip(texts, expressions, strict=True)}
    rows = [row.asDict() for row in values_frame.collect()]
    values = {row["person_id"]: {t: row[column] for t, column in named.items()} for row in rows}
    return values, set(store.versions_read)


def end_of(day: date) -> datetime:
    """By the rules of the zone, written out: winter time up to the short day, then summer time."""
    following = day + DAY
    hours = 23 if following <= SHORT else 22
    return datetime(day.year, day.month, day.day, hours, tzinfo=UTC)


def numbers(seen: list[Event]) -> list[float]:
    return [float(e.points) for e in seen if e.event == "view" and e.points not in (None, "none")]


def days(seen: list[Event]) -> list[date]:
    return sorted({e.day for e in seen})


def run_of(days: list[date]) -> int:
    longest = run = 1 if days else 0
    for before, day in pairwise(days):
        run = run + 1 if day == before + DAY else 1
        longest = max(longest, run)
    return longest


Kept = Callable[[Event], bool]
Value = Callable[[list[Event]], Any]


def of(event: str) -> Kept:
    return lambda e: e.event == event


def anything(_: Event) -> bool:
    return True


def in_app_and_not_in_york(e: Event) -> bool:
    # an unknown shop is none of the others
    return e.event == "view" and e.terminal == "app" and e.shop == "Bath"


def cents(seen: list[Event]) -> list[int]:
    return [e.amount for e in seen if e.amount is not None]


# macro with its window as {}; which events it is of; the value of those of a person
CASES: list[tuple[str, Kept, Value]] = [
    ("events('view', {})", of("view"), len),
    ("events('*', {})", anything, len),
    (
        "events('view', {}, \"terminal = 'app' and shop <> 'York'\")",
        in_app_and_not_in_york,
        len,
    ),
    ("amount('buy', {})", of("buy"), lambda seen: sum(cents(seen)) / 100),
    (
        "average_amount('buy', {})",
        of("buy"),
        lambda seen: sum(cents(seen)) / 100 / len(cents(seen)) if cents(seen) else None,
    ),
    ("largest_amount('*', {})", anything, lambda s: max(cents(s)) / 100 if cents(s) else None),
    ("smallest_amount('buy', {})", of("buy"), lambda s: min(cents(s)) / 100 if cents(s) else None),
    ("quantity('*', {})", anything, lambda seen: sum(e.quantity or 0 for e in seen)),
    ("distinct('*', 'shop', {})", anything, lambda seen: len({e.shop for e in seen} - {None})),
    ("sum_of('view', 'points', {})", anything, lambda seen: sum(numbers(seen))),
    ("largest_of('view', 'points', {})", anything, lambda s: max(numbers(s), default=None)),
    ("first_on('buy', {})", of("buy"), lambda seen: min(days(seen), default=None)),
    ("last_on('view', {})", of("view"), lambda seen: max(days(seen), default=None)),
    ("days_active('*', {})", anything, lambda seen: len(days(seen))),
    ("days_in_a_row('*', {})", anything, lambda seen: run_of(days(seen))),
]
HOURS = (1, 6, 23, 24, 48)


@pytest.mark.parametrize("as_of", [SHORT - DAY, SHORT, SHORT + DAY])
def test_hours_and_days_are_what_loops_over_events_find(bank: Bank, as_of: date) -> None:
    def of_hours(hours: int) -> Callable[[Event], bool]:
        begin = end_of(as_of) - timedelta(hours=hours)
        return lambda e: begin <= e.at < end_of(as_of)

    windows = {f"'last {n} hours'": of_hours(n) for n in HOURS}
    windows["'today'"] = lambda e: e.day == as_of
    windows["'last 2 days'"] = lambda e: as_of - DAY <= e.day <= as_of
    windows["'ever'"] = lambda e: e.day <= as_of
    texts = [text.format(window) for text, _, _ in CASES for window in windows]
    by_person, _ = values_of(bank, texts, as_of)
    assert sorted(by_person) == [101, 102, 103 if as_of <= SHORT else 104, 105]
    for person, values in by_person.items():
        own = [e for e in planted() if e.person == person]
        for text, kept, value in CASES:
            for window, within in windows.items():
                wanted = value([e for e in own if kept(e) and within(e)])
                got = values[text.format(window)]
                assert got == pytest.approx(wanted), (person, text, window)


def test_an_event_at_the_begin_belongs_to_a_window_and_one_at_the_end_does_not(bank: Bank) -> None:
    # on each edge there is an event, and one a microsecond before it
    windows = {"last 1 hour": 2, "last 24 hours": 4, "last 9999 hours": 5}
    texts = {f"events('tick', '{window}')": n for window, n in windows.items()}
    assert values_of(bank, list(texts), SHORT)[0][105] == texts


def test_the_short_day_has_23_hours_and_24_hours_begin_in_the_day_before(bank: Bank) -> None:
    texts = [f"events('*', {window})" for window in ("'today'", "'last 23 hours'")]
    by_person, _ = values_of(bank, [*texts, "days_active('*', 'last 24 hours')"], SHORT)
    assert all(values[texts[0]] == values[texts[1]] for values in by_person.values())
    assert by_person[101]["days_active('*', 'last 24 hours')"] == 2


def test_without_hours_no_event_is_read(bank: Bank) -> None:
    assert "core.events" not in values_of(bank, ["events('view', 'last 1 day')"], SHORT)[1]
    assert "core.events" in values_of(bank, ["events('view', 'last 1 hour')"], SHORT)[1]


def test_hours_cost_one_look_at_the_events_and_no_shuffle_of_their_own(
    spark_session: SparkSession,
) -> None:
    rows = (
        "person_id bigint, day date, terminal string, event string, dims map<string,string>, "
        "n bigint, amount decimal(38,8), synthetic boolean"
    )
    persons = spark_session.createDataFrame([], "person_id bigint")

    def plan(*texts: str) -> tuple[int, int]:
        macros: list[Macro] = [parse_expression(text).macros[0] for text in texts]
        values = macro_columns(
            spark_session.createDataFrame([], rows),
            persons,
            macros,
            as_of=SHORT,
            dimensions=(),
            partitions=2,
            recent=spark_session.createDataFrame([], f"{rows}, _ago bigint"),
        )
        made = values._jdf.queryExecution().sparkPlan()
        return made.collectLeaves().size(), made.toString().count("Exchange ")

    of_days = ("events('view', 'last 7 days')", "amount('buy')")
    of_hours = (
        "events('view', 'last 6 hours')",
        "amount('buy', 'last 3 hours')",
        "events('*', 'last 9 hours')",
    )
    assert plan(*of_days) == (2, 1)  # the archive, the persons
    assert plan(*of_days, *of_hours) == (3, 1)
    assert plan(*of_hours) == (2, 1)
