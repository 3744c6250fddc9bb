"""A bank to which events and persons come, and its archive."""

from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.archive.build import JOB
from databank.archive.config import ArchiveConfig
from databank.archive.tables import PERSON_DAY
from databank.identity.tables import PERSON, REJECTED
from databank.runs import Outcome
from databank.sources.tables import EVENTS
from databank.tables import TableSpec
from tests.support.bank import Bank
from tests.support.frames import frame

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

    def __init__(self, spark: SparkSession, root: Path, config: ArchiveConfig) -> None:
        self.spark, self.bank, self.config = spark, Bank(spark, root), config

    def come(self, day: date, tables: dict[TableSpec, DataFrame]) -> None:
        """Add rows as the jobs before would; persons are always all of them."""
        self.bank.publish(tables, day=day, added=[spec for spec in tables if spec is not PERSON])

    def events(self, text: str) -> DataFrame:
        columns = "event_id string, event_ts timestamp, event string, held string, "
        rows = frame(self.spark, f"{columns} amount decimal(28,8), shop string", text)
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
            F.col("shop").alias("page"),
            F.create_map(F.lit("shop"), F.col("shop")).alias("props"),
        )

    def persons(self, text: str) -> DataFrame:
        return frame(self.spark, "id_key bigint, person_id bigint", text)

    def run(self, day: date) -> Outcome:
        return self.bank.run(JOB, self.config, day=day, config_hash="same")

    def rows(self) -> list[tuple[object, ...]]:
        columns = ("person_id", "dayofmonth(day)", "event", "dims['shop']", "n", "double(amount)")
        rows = self.bank.read(PERSON_DAY).selectExpr(*columns).collect()
        return sorted((tuple(row) for row in rows), key=repr)


def first_day(spark: SparkSession, root: Path, config: ArchiveConfig) -> World:
    """Three persons and a shared device on the first day, archived."""
    made = World(spark, root, config)
    excluded = made.spark.range(9, 10).select(
        F.col("id").alias("a_key"), F.lit("limit").alias("rule")
    )
    persons = made.persons("1 | 101\n 2 | 102\n 3 | 103")
    tables = {EVENTS: made.events(FIRST), PERSON: persons, REJECTED: excluded}
    made.come(date(2026, 1, 6), tables)
    made.run(date(2026, 1, 6))
    return made
