"""The archive: sums by person and day, and what a next run redoes."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.archive.config import ArchiveConfig
from databank.identity.tables import CHANGES, PERSON
from databank.sources.tables import EVENTS
from tests.support.frames import frame
from tests.unit.archive.world import FIRST, World, first_day

CONFIG = ArchiveConfig.model_validate({"dimensions": {"buy": {"shop": "props['shop']"}}})


@pytest.fixture
def world(spark_session: SparkSession, tmp_path: Path) -> World:
    return first_day(spark_session, tmp_path, CONFIG)


OLD = [
    (101, 5, "buy", "Bath", 2, 12.5),
    (101, 5, "buy", "York", 1, 4.0),
    (101, 5, "view", None, 1, None),
    # two events that look alike are two; the shared device gives way to the next identifier
    (102, 6, "view", None, 2, None),
    (103, 6, "view", None, 1, None),
]


def test_events_are_summed_by_person_day_and_dimension(world: World) -> None:
    assert world.rows() == OLD


def test_a_day_without_data_changes_nothing(world: World) -> None:
    nothing = {EVENTS: world.events(FIRST).limit(0)}
    world.come(date(2026, 1, 7), nothing)
    outcome = world.run(date(2026, 1, 7))
    assert outcome.summary == {"rows written": 0, "days touched": 0, "persons redone": 0}
    assert world.rows() == OLD


def test_a_late_event_lands_in_its_own_day(world: World) -> None:
    late = "l1 | 2026-01-05 09:00:00 | buy | 1 | 1.00 | Bath"
    world.come(date(2026, 1, 7), {EVENTS: world.events(late)})
    assert world.run(date(2026, 1, 7)).summary["days touched"] == 1
    assert world.rows() == [(101, 5, "buy", "Bath", 3, 13.5), *OLD[1:]]


def test_the_past_of_merged_persons_is_redone(world: World) -> None:
    merge = frame(
        world.spark, "kind string, person_id bigint, other_person_id bigint", "merge | 102 | 103"
    )
    persons = world.persons("1 | 101\n 2 | 102\n 3 | 102")
    world.come(date(2026, 1, 7), {PERSON: persons, CHANGES: merge})
    assert world.run(date(2026, 1, 7)).summary["persons redone"] == 2
    assert world.rows() == [*OLD[:3], (102, 6, "view", None, 3, None)]
