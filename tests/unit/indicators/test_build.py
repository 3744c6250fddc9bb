"""The next days: what is redone is what computing all anew gives."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.indicators.build import JOB
from databank.indicators.tables import INDICATOR
from tests.support.bank import Bank
from tests.unit.indicators.world import World, indicators

CONFIG = indicators(
    {"name": "active", "kind": "active", "event": "*"},
    {"name": "week", "kind": "active", "event": "*", "window": "last 7 days", "by": "terminal"},
    {"name": "new", "kind": "new", "event": "view"},
    {"name": "pieces", "kind": "sum", "event": "buy", "of": "quantity"},
    {"name": "back", "kind": "retention", "event": "view", "back": "*", "on": [1, 3]},
    {"name": "bought", "kind": "funnel", "steps": ["view", "buy"], "within": "24 hours",
     "filter": "shop = 'Bath'"},
)  # fmt: skip
FIRST = """
    a | 2026-01-05 10:00:00 | view | 1 |      |   | app | Bath
    b | 2026-01-05 10:00:00 | buy  | 1 | 8.00 | 2 | app | Bath
    c | 2026-01-05 12:00:00 | view | 2 |      |   | web | York
    d | 2026-01-06 09:00:00 | view | 2 |      |   | web | Bath
    e | 2026-01-08 09:00:00 | view | 3 |      |   | web | Bath
    f | 2026-01-08 09:30:00 | buy  | 4 | 3.00 | 1 | app | Bath"""
ALL = {1: 101, 2: 102, 3: 103, 4: 104, 5: 105}


@pytest.fixture(scope="module")
def first_run(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    bank = Bank(spark_session, tmp_path_factory.mktemp("first"))
    made = World(spark_session, bank)
    made.persons(ALL, date(2026, 1, 8))
    made.come(FIRST, date(2026, 1, 8))
    made.run(CONFIG, date(2026, 1, 8))
    return bank


@pytest.fixture
def world(spark_session: SparkSession, first_run: Bank, tmp_path: Path) -> World:
    """Five persons, and the figures of 8 January."""
    return World(spark_session, first_run.copy(tmp_path / "root"))


def same_as_anew(world: World, day: date) -> bool:
    """Whether the figures are those that a run without a past makes."""
    before = world.rows()
    world.bank.run(JOB, CONFIG, day=day)
    return bool(before) and before == world.rows()


def kept_from_before(world: World, first: date) -> list[date]:
    """Days whose rows an earlier run made."""
    return [row[0] for row in world.bank.rows(INDICATOR, "day", where=f"as_of < DATE'{first}'")]


def test_days_and_shares_of_a_first_run(world: World) -> None:
    assert world.rows("indicator in ('active', 'back', 'bought', 'pieces')") == [
        ("active", 5, "", "", 2.0, 2, None),
        ("active", 6, "", "", 1.0, 1, None),
        ("active", 7, "", "", 0.0, 0, None),
        ("active", 8, "", "", 2.0, 2, None),
        # the third day after the 6th and the first after the 8th have not been yet
        ("back", 5, "", "day 1", 0.5, 1, 2),
        ("back", 5, "", "day 3", 0.0, 0, 2),
        ("bought", 5, "", "1 view", 1.0, 1, 1),
        ("bought", 5, "", "2 buy", 1.0, 1, 1),
        ("bought", 6, "", "1 view", 1.0, 1, 1),
        ("bought", 6, "", "2 buy", 0.0, 0, 1),
        ("bought", 8, "", "1 view", 1.0, 1, 1),
        ("bought", 8, "", "2 buy", 0.0, 0, 1),
        ("pieces", 5, "", "", 2.0, None, None),
        ("pieces", 6, "", "", 0.0, None, None),
        ("pieces", 7, "", "", 0.0, None, None),
        ("pieces", 8, "", "", 1.0, None, None),
    ]


def test_the_next_day_follows(world: World) -> None:
    day = date(2026, 1, 10)
    world.come("g | 2026-01-10 09:00:00 | view | 5 | | | web | Bath", day)
    # the 9th is new, and the days that look ahead to it are redone
    assert world.run(CONFIG, day).summary["days from"] == "2026-01-06"
    assert set(kept_from_before(world, day)) == {date(2026, 1, 5)}
    assert ("pieces", 10, "", "", 0.0, None, None) in world.rows()
    assert same_as_anew(world, day)


def test_a_day_without_events_has_its_shares(world: World) -> None:
    day = date(2026, 1, 9)
    world.run(CONFIG, day)
    assert ("back", 8, "", "day 1", 0.0, 0, 1) in world.rows()
    # and no zeros: nothing is known of it
    assert world.rows("indicator = 'active' and day > DATE'2026-01-08'") == []
    assert same_as_anew(world, day)


def test_a_late_event_redoes_its_days(world: World) -> None:
    day = date(2026, 1, 11)
    # 3 is no longer new on the 8th, and its purchase follows
    late = """g | 2026-01-07 23:00:00 | view | 3 |      |   | web | Bath
              h | 2026-01-08 22:00:00 | buy  | 3 | 1.00 | 1 | web | Bath"""
    world.come(late, day)
    assert world.run(CONFIG, day).summary["days from"] == "2026-01-04"
    assert ("bought", 7, "", "2 buy", 1.0, 1, 1) in world.rows()
    assert same_as_anew(world, day)


def test_merged_persons_are_one_from_their_first_day(world: World) -> None:
    day = date(2026, 1, 9)
    world.persons(ALL | {4: 103}, day, changes="merge | 103 | 104")
    world.run(CONFIG, day)
    assert ("active", 8, "", "", 1.0, 1, None) in world.rows()
    assert ("bought", 8, "", "2 buy", 1.0, 1, 1) in world.rows()
    assert same_as_anew(world, day)


def test_other_indicators_are_computed_for_all_days(world: World) -> None:
    fewer = indicators({"name": "orders", "kind": "count", "event": "buy"})
    world.run(fewer, date(2026, 1, 9), config_hash="other")
    assert world.rows() == [
        ("orders", 5, "", "", 1.0, None, None),
        ("orders", 6, "", "", 0.0, None, None),
        ("orders", 7, "", "", 0.0, None, None),
        ("orders", 8, "", "", 1.0, None, None),
    ]


def test_nothing_to_build_leaves_nothing(world: World) -> None:
    world.run(indicators(), date(2026, 1, 9), config_hash="none")
    assert world.rows() == []
