"""The archive with sessions: what a next run redoes is what building all gives."""

from collections.abc import Iterable
from datetime import date

import pytest
from pyspark.sql import SparkSession

from databank.archive.build import JOB
from databank.archive.config import ArchiveConfig
from databank.archive.tables import PERSON_DAY, VISIT
from databank.archive.window_values import macro_columns
from databank.errors import DataBankError
from databank.expressions import parse_expression
from databank.identity.tables import CHANGES, PERSON
from databank.sources.tables import EVENTS
from tests.support.frames import frame
from tests.unit.archive.world import World, first_day

CONFIG = ArchiveConfig.model_validate(
    {"sessions": {"timeout": "1 hour", "url": "page", "dwell": {}}}
)
LATER = date(2026, 1, 7)
COLUMNS = ("person_id", "dayofmonth(day)", "number", "hour(first_ts)", "hour(last_ts)", "events")
# 9 to 13 o'clock are one session: no pause is longer than an hour
FIRST = [(101, 5, 1, 10, 13, 4), (102, 6, 1, 10, 10, 2), (103, 6, 1, 10, 10, 1)]


@pytest.fixture(scope="module")
def world(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    return first_day(spark_session, tmp_path_factory.mktemp("visits"), CONFIG)


def visits(world: World, *columns: str) -> list[tuple[object, ...]]:
    rows = world.bank.read(VISIT).selectExpr(*(columns or COLUMNS)).collect()
    return sorted((tuple(row) for row in rows), key=repr)


def archived(world: World) -> Iterable[str]:
    return sorted(
        row[0]
        for spec in (VISIT, PERSON_DAY)
        for row in world.bank.read(spec).selectExpr("to_json(struct(*))").collect()
    )


def test_sessions_are_an_event_that_windows_know(world: World) -> None:
    assert visits(world) == FIRST
    texts = [
        "events('visit')", "events('visit', 'ever', \"channel = 'email'\")", "quantity('visit')",
        "distinct('visit', 'channel')", "days_active('visit')", "events('*')", "quantity('*')",
    ]  # fmt: skip
    macros = [parse_expression(text).macros[0] for text in texts]
    values = macro_columns(
        world.bank.read(PERSON_DAY),
        frame(world.spark, "person_id bigint", "101"),
        macros,
        as_of=LATER,
        dimensions=CONFIG.names,
        partitions=1,
    )
    [row] = values.select(*(m.column for m in macros)).collect()
    # a session is no event beside its own
    assert tuple(row) == (1, 0, 3 * 3600.0, 1, 1, 4, 0.0)


def test_late_events_and_a_merge_make_what_building_all_makes(world: World) -> None:
    late = """l1 | 2026-01-05 15:30:00 | view | 1 |  | https://a.example/x?gclid=1#top
              l2 | 2026-01-05 23:59:00 | view | 1 |  | https://a.example/y
              l3 | 2026-01-06 00:01:00 | view | 1 |  |
              l4 | 2026-01-05 14:00:00 | view |   |  |"""
    merge = frame(
        world.spark, "kind string, person_id bigint, other_person_id bigint", "merge | 102 | 103"
    )
    persons = world.persons("1 | 101\n 2 | 102\n 3 | 102")
    world.come(LATER, {EVENTS: world.events(late), PERSON: persons, CHANGES: merge})
    assert world.run(LATER).summary["sessions written"] == 5
    assert visits(world) == [
        (101, 5, 1, 10, 13, 4), (101, 5, 2, 15, 15, 1), (101, 5, 3, 23, 23, 1),
        # the business day ends the session
        (101, 6, 1, 0, 0, 1), (102, 6, 1, 10, 10, 3),
    ]  # fmt: skip
    entries = visits(world, "person_id", "number", "entry", "exit", "channel", "terminals")
    assert entries[2] == (101, 2, "https://a.example/x", "https://a.example/x", "paid search", [])
    followed = archived(world)
    world.bank.run(JOB, CONFIG, day=LATER)  # as if its configuration were new: all is built
    assert archived(world) == followed


def test_events_of_the_same_name_are_refused(world: World) -> None:
    for sessions in ({"name": "view"}, {"dwell": {"name": "view"}}):
        clash = ArchiveConfig.model_validate({"sessions": sessions})
        with pytest.raises(DataBankError, match=r"called 'view'.*source 'web' has events"):
            world.bank.run(JOB, clash, day=LATER)


def test_without_sessions_none_are_left(world: World) -> None:
    world.bank.run(JOB, ArchiveConfig(), day=LATER)
    assert visits(world) == []
    assert world.bank.rows(PERSON_DAY, "event", where="synthetic") == []
