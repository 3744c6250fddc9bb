"""Tags over hours: one build with hours and days, of persons and of households."""

from datetime import date

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.archive.build import JOB as ARCHIVE_JOB
from databank.archive.config import ArchiveConfig
from databank.identity.entities.tables import ENTITY
from databank.identity.tables import PERSON
from databank.session import small_frame
from databank.sources.tables import EVENTS
from databank.tables.ops import RUN
from databank.tags.build import JOB
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import ENTITY_TAG, PERSON_TAG
from tests.support.bank import Bank
from tests.support.frames import frame

# in Berlin this day has 25 hours, from 22 o'clock to 23 o'clock UTC
LONG = date(2026, 10, 25)
# when it happened, UTC | event | whose | amount | terminal
EVENTS_OF = """
    2026-10-24 22:00:00 | cart | 1 |      | web
    2026-10-24 21:59:59 | cart | 1 |      | web
    2026-10-24 23:00:00 | cart | 2 |      | web
    2026-10-24 22:59:59 | cart | 2 |      | web
    2026-10-25 17:00:00 | buy  | 1 | 7.50 | app
    2026-10-25 20:00:00 | buy  | 1 | 2.25 | app
    2026-10-25 20:00:00 | buy  | 3 | 1.00 | web
    2026-10-25 23:00:00 | buy  | 3 | 9.00 | app"""
ARCHIVE = ArchiveConfig.model_validate({"sessions": {"timeout": "1 hour"}})


def tags(*given: dict[str, object]) -> TagsConfig:
    return TagsConfig(tuple(read_tag(each) for each in given), ARCHIVE)


def measure(name: str, event: str, window: str, **more: str) -> dict[str, object]:
    entry = {"name": name, "kind": "measure", "event": event, "window": window}
    return {**entry, "measure": "count", **more}


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    made = Bank(spark_session, tmp_path_factory.mktemp("hours"), "Europe/Berlin")
    schema = "event_ts timestamp, event string, id_key bigint, amount double, terminal string"
    events = frame(spark_session, schema, EVENTS_OF).withColumns(
        {
            "source": F.lit("web"),
            "event_id": F.concat("event", "id_key", F.unix_micros("event_ts").cast("string")),
            "day": F.to_date(F.from_utc_timestamp("event_ts", "Europe/Berlin")),
            "ids": F.array("id_key"),
        }
    )
    within = [("household", person, 1) for person in (1, 3)]
    persons = spark_session.range(1, 4).selectExpr("id AS id_key", "id AS person_id")
    shape = "entity string, person_id bigint, entity_id bigint"
    made.publish(
        {EVENTS: events, PERSON: persons, ENTITY: small_frame(spark_session, within, shape)},
        day=LONG,
    )
    made.run(ARCHIVE_JOB, ARCHIVE, day=LONG)
    return made


def test_hours_and_days_come_from_one_build(bank: Bank) -> None:
    library = tags(
        measure("carts_25h", "cart", "last 25 hours"),
        measure("carts_24h", "cart", "last 24 hours"),
        measure("carts_today", "cart", "today"),
        measure("spent_3h", "buy", "last 3 hours", measure="sum(amount)"),
        measure("spent", "buy", "ever", measure="sum(amount)"),
        measure("days_30h", "*", "last 30 hours", measure="days"),
        measure("last_6h", "buy", "last 6 hours", measure="last"),
        measure("all_9999h", "*", "last 9999 hours"),
        {"name": "hot", "kind": "rule",
         "when": "events('buy', 'last 3 hours', \"terminal = 'app'\") >= 1 and spent > 5"},
    )  # fmt: skip
    bank.run(JOB, library, day=LONG)
    value = "coalesce(value_string, string(value_date), string(value_double)) AS value"
    rows = bank.read(PERSON_TAG).selectExpr("tag", "person_id", value).collect()
    assert {(row["tag"], row["person_id"]): row["value"] for row in rows} == {
        ("carts_25h", 1): "1.0", ("carts_25h", 2): "2.0",
        ("carts_24h", 2): "1.0",
        ("carts_today", 1): "1.0", ("carts_today", 2): "2.0",
        ("spent_3h", 1): "2.25", ("spent_3h", 3): "1.0",
        ("spent", 1): "9.75", ("spent", 3): "1.0",
        ("days_30h", 1): "2.0", ("days_30h", 2): "1.0", ("days_30h", 3): "1.0",
        ("last_6h", 1): "2026-10-25", ("last_6h", 3): "2026-10-25",
        # sessions are no events, and what comes later is not seen
        ("all_9999h", 1): "4.0", ("all_9999h", 2): "2.0", ("all_9999h", 3): "1.0",
        ("hot", 1): "true",
    }  # fmt: skip


def test_of_a_household_it_is_the_events_of_all_its_persons(bank: Bank) -> None:
    spent = measure("spent_6h", "buy", "last 6 hours", measure="sum(amount)", entity="household")
    bank.run(JOB, tags(spent), day=LONG)
    assert bank.rows(ENTITY_TAG, "entity_id", "value_double") == [(1, 10.75)]


def test_the_run_tells_that_events_were_read(bank: Bank) -> None:
    bank.run(JOB, tags(measure("carts", "cart", "last 1 hour")), day=LONG)
    assert "core.events" in last_read(bank)
    bank.run(JOB, tags(measure("carts", "cart", "last 1 day")), day=LONG)
    assert "core.events" not in last_read(bank)


def last_read(bank: Bank) -> dict[str, int]:
    """Versions of tables that the last run read."""
    runs = bank.store.ledger(RUN)
    assert runs is not None
    rows = runs.where("job = 'build_tags'").orderBy(F.desc("started")).limit(1).collect()
    return rows[0]["read"]
