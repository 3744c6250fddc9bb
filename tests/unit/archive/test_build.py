"""The archive: sums by person and day, and what a next run redoes."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.archive.build import JOB
from databank.archive.config import ArchiveConfig
from databank.archive.tables import PERSON_DAY
from databank.identity.tables import CHANGES, PERSON, REJECTED
from databank.runs import Outcome
from databank.sources.tables import EVENTS
from databank.tables import TableSpec
from tests.support.bank import Bank
from tests.support.frames import frame

CONFIG = ArchiveConfig.model_validate({"dimensions": {"buy": {"shop": "props['shop']"}}})
# identifier 9 is a device that two persons share; 2 and 3 are theirs alone
FIRST = """
    e1 | 2026-01-05 10:00:00 | buy  | 1   | 10.00 | Bath
    e2 | 2026-01-05 11:00:00 | buy  | 1   | 2.50  | Bath
    e3 | 2026-01-05 12:00:00 | buy  | 1   | 4.00  | York
    e4 | 2026-01-05 13:00:00 | view | 1   |       |
    e5 | 2026-01-06 10:00:00 | view | 9,2 |       |
    e6 | 2026-01-06 10:00:00 | view | 9,2 |       |
    e7 | 2026-01-06 10:00:00 | view | 9,3 |       |
    e8 | 2026-01-06 10:00:00 | view | 9   |       |
    e9 | 2026-01-06 10:00:00 | view |     |       |"""


class World:
    """A bank to which events and persons come; the archive is built by real runs."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self.spark, self.bank = spark, Bank(spark, root)

    def come(self, day: date, tables: dict[TableSpec, DataFrame]) -> None:
        """Add rows as the jobs before would; persons are always all of them."""
        self.bank.publish(tables, day=day, added=[spec for spec in tables if spec is not PERSON])

    def events(self, text: str) -> DataFrame:
        columns = "event_id string, event_ts timestamp, event string, held string, "
        rows = frame(self.spark, f"{columns} amount decimal(18,2), shop string", text)
        ids = F.when(F.col("held").isNotNull(), F.split("held", ",").cast("array<bigint>"))
        return rows.select(
            F.lit("web").alias("source"),
            "event_id",
            "event_ts",
            F.to_date("event_ts").alias("day"),
            "event",
            ids[0].alias("id_key"),
            F.coalesce(ids, F.array().cast("array<bigint>")).alias("ids"),
            "amount",
            F.create_map(F.lit("shop"), F.col("shop")).alias("props"),
        )

    def persons(self, text: str) -> DataFrame:
        return frame(self.spark, "id_key bigint, person_id bigint", text)

    def run(self, day: date) -> Outcome:
        return self.bank.run(JOB, CONFIG, day=day, config_hash="same")

    def rows(self) -> list[tuple[object, ...]]:
        columns = ("person_id", "dayofmonth(day)", "event", "dims['shop']", "n", "double(amount)")
        rows = self.bank.read(PERSON_DAY).selectExpr(*columns).collect()
        return sorted((tuple(row) for row in rows), key=repr)


@pytest.fixture
def world(spark_session: SparkSession, tmp_path: Path) -> World:
    """Three persons and a shared device on the first day, archived."""
    made = World(spark_session, tmp_path)
    aside = made.spark.range(9, 10).select(F.col("id").alias("a_key"), F.lit("limit").alias("rule"))
    persons = made.persons("1 | 101\n 2 | 102\n 3 | 103")
    tables = {EVENTS: made.events(FIRST), PERSON: persons, REJECTED: aside}
    made.come(date(2026, 1, 6), tables)
    made.run(date(2026, 1, 6))
    return made


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
