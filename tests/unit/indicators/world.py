"""A small bank with events of persons, and the jobs that are run on it."""

from datetime import date

from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.archive.build import JOB as ARCHIVE_JOB
from databank.archive.config import ArchiveConfig
from databank.identity.tables import CHANGES, PERSON
from databank.indicators.build import JOB
from databank.indicators.config import INDICATOR_KINDS, IndicatorsConfig
from databank.indicators.tables import INDICATOR
from databank.runs import Outcome
from databank.sources.tables import EVENTS
from tests.support.bank import Bank
from tests.support.frames import frame

# sessions are rows of the archive, and no events
ARCHIVE = ArchiveConfig.model_validate(
    {
        "dimensions": {name: {"shop": "props['shop']"} for name in ("view", "cart", "buy")},
        "sessions": {},
    }
)


def indicators(*given: dict[str, object]) -> IndicatorsConfig:
    return IndicatorsConfig(tuple(INDICATOR_KINDS.read(each) for each in given), ARCHIVE)


class World:
    """Events come to it; archive and indicators are built by real runs. Identifiers are numbers."""

    def __init__(self, spark: SparkSession, bank: Bank) -> None:
        self.spark, self.bank = spark, bank

    def events(self, text: str) -> DataFrame:
        """`event_id | event_ts | event | identifier | amount | quantity | terminal | shop`."""
        columns = "event_id string, event_ts timestamp, event string, id_key bigint, "
        columns += "amount decimal(28,8), quantity decimal(28,8), terminal string, shop string"
        lines = (line + " |" * (7 - line.count("|")) for line in text.strip().splitlines())
        rows = frame(self.spark, columns, "\n".join(lines))
        return rows.withColumns(
            {
                "source": F.lit("web"),
                "day": F.to_date("event_ts"),
                "ids": F.array("id_key"),
                "props": F.create_map(F.lit("shop"), F.col("shop")),
            }
        ).drop("shop")

    def come(self, events: str, day: date) -> None:
        """Add events."""
        self.bank.publish({EVENTS: self.events(events)}, day=day, added=[EVENTS])

    def persons(self, held: dict[int, int], day: date, changes: str = "") -> None:
        """Who has which identifier, and what changed: `kind | person_id | other_person_id`."""
        text = "\n".join(f"{key} | {person}" for key, person in held.items())
        rows = frame(self.spark, "id_key bigint, person_id bigint", text)
        self.bank.publish({PERSON: rows}, day=day)
        if changes:
            columns = "kind string, person_id bigint, other_person_id bigint"
            rows = frame(self.spark, columns, changes)
            self.bank.publish({CHANGES: rows}, day=day, added=[CHANGES])

    def archive(self, day: date) -> None:
        """Run build_archive."""
        self.bank.run(ARCHIVE_JOB, ARCHIVE, day=day, config_hash="same")

    def run(self, config: IndicatorsConfig, day: date, *, config_hash: str = "same") -> Outcome:
        """Run build_archive and build_indicators."""
        self.archive(day)
        return self.bank.run(JOB, config, day=day, config_hash=config_hash)

    def rows(self, where: str = "true") -> list[tuple[object, ...]]:
        """All figures: indicator, day of the month, value of the dimension, part, value ..."""
        columns = ("indicator", "dayofmonth(day)", "dimension_value", "part", "value", "persons")
        rows = self.bank.read(INDICATOR).where(where).selectExpr(*columns, "base").collect()
        return sorted((tuple(row) for row in rows), key=repr)
