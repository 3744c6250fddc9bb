"""Numbers of the archive against DuckDB's answers over single events: amounts, and what is null."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.archive.config import ArchiveConfig
from databank.archive.events import person_days, with_dims_json
from databank.archive.window_values import macro_columns
from databank.expressions import parse_expression
from databank.session import small_frame
from databank.tags.filters import duckdb_filter

DAY = date(2026, 3, 31)
CONFIG = ArchiveConfig.model_validate({"dimensions": {"read": {"category": "props['category']"}}})
SCHEMA = (
    "person_id bigint, day date, event string, terminal string, category string, "
    "amount decimal(28,8), event_ts timestamp"
)
AMOUNTS = (
    *("0.004", "1.255", "0.1", "-3.5", "10", "0", "0.00000001", "99999999.99"),
    *("1234567890123.45", "900719925474099.25"),
)
PERSONS = 150
# a condition as filters write it, and as DuckDB reads the events
FILTERS = (
    "category is null",
    "category = 'sport'",
    "category <> 'sport'",
    "not (category = 'sport')",
    "not (category <> 'sport' or terminal = 'app')",
    "category in ('sport', 'art') and terminal is not null",
    "category not in ('sport')",
    "terminal <> 'app'",
    "terminal is null or category = 'art'",
)
MACROS = {
    "events": "count(*)",
    "amount": "coalesce(sum(amount), 0)",
    "average_amount": "sum(amount) / count(amount)",
    "largest_amount": "max(amount)",
    "smallest_amount": "min(amount)",
}


def drawn() -> list[tuple[Any, ...]]:
    """Events as they come: most without something, many of a day, some of any size."""
    draw = random.Random(11)
    events = []
    for person in range(PERSONS):
        amounts: list[str | None] = [None, *draw.sample(AMOUNTS, 2)]
        for _ in range(draw.randrange(1, 9)):
            amount = draw.choice(amounts)
            day = DAY - timedelta(days=draw.randrange(3))
            at = datetime(day.year, day.month, day.day, draw.randrange(24), tzinfo=UTC)
            category = draw.choice([None, "", "sport", "art"])
            terminal, event = draw.choice([None, "app", "web"]), draw.choice(["read", "buy"])
            category = category if event == "read" else None
            amount_or_none = None if amount is None else Decimal(amount)
            events.append((person, day, event, terminal, category, amount_or_none, at))
    return events


@pytest.fixture(scope="module")
def archive(spark_session: SparkSession) -> DataFrame:
    rows = small_frame(spark_session, drawn(), SCHEMA).select(
        *("day", "event", "terminal", "amount", "event_ts"),
        *(F.lit("x").alias(name) for name in ("source", "event_id")),
        F.col("person_id").alias("id_key"),
        F.array("person_id").alias("ids"),
        F.lit(None).cast("decimal(28,8)").alias("quantity"),
        F.create_map(F.lit("category"), "category").alias("props"),
    )
    described = with_dims_json(rows, CONFIG).withColumnRenamed("id_key", "person_id")
    return person_days(described).persist()


def answers(where: str, value: str) -> dict[int, Any]:
    """DuckDB's value for each person with such an event; an empty text is no value."""
    columns = ("person", "day", "event", "terminal", "category", "amount", "at")
    types = (
        pa.int64(), pa.date32(), pa.string(), pa.string(), pa.string(), pa.decimal128(38, 8),
        pa.timestamp("us", tz="UTC"),
    )  # fmt: skip
    arrays = [pa.array(c, t) for c, t in zip(zip(*drawn(), strict=True), types, strict=True)]
    events = pa.table(dict(zip(columns, arrays, strict=True)))
    with duckdb.connect() as connection:
        connection.register("drawn", events)
        rows = connection.execute(
            "WITH events AS (SELECT * REPLACE (nullif(category, '') AS category) FROM drawn) "
            f"SELECT person, {value} FROM events WHERE {where} GROUP BY person"
        ).fetchall()
    return dict(rows)


def test_amounts_and_nulls_are_those_of_sql_over_events(
    spark_session: SparkSession, archive: DataFrame
) -> None:
    recent = f"event = 'read' AND day > DATE '{DAY - timedelta(days=2)}'"
    cases = {
        f"{macro}('read', 'last 2 days', \"{condition}\")": (f"{recent} AND ({condition})", value)
        for macro, value in MACROS.items()
        for condition in FILTERS
    }
    cases |= {f"{macro}('*')": ("true", value) for macro, value in MACROS.items()}
    cases["events('*', 'ever', 'category is null')"] = ("category is null", "count(*)")
    wanted = [parse_expression(text).macros[0] for text in cases]
    persons = spark_session.range(PERSONS + 1).withColumnRenamed("id", "person_id")
    values = macro_columns(
        archive, persons, wanted, as_of=DAY, dimensions=CONFIG.names, partitions=2
    )
    by_person = {row["person_id"]: row.asDict() for row in values.collect()}
    assert len(by_person) == PERSONS + 1
    for macro, (text, (where, value)) in zip(wanted, cases.items(), strict=True):
        of_duckdb = answers(where, value)
        assert of_duckdb, text
        for person, row in by_person.items():
            wanted_value = of_duckdb.get(person, macro.spec.empty)
            number = None if wanted_value is None else float(wanted_value)
            # sums, counts and extremes to the last bit
            exact = pytest.approx(number, rel=1e-14) if "average" in text else number
            assert row[macro.column] == exact, (person, text)


def test_rows_behind_a_value_are_found_by_the_same_filter(archive: DataFrame) -> None:
    rows = archive.where("event = 'read'").drop("first_ts", "last_ts").toArrow()
    with duckdb.connect() as connection:
        connection.register("archive", rows)
        for condition in FILTERS:
            where = duckdb_filter(condition, CONFIG.names)
            [(shown,)] = connection.execute(
                f"SELECT coalesce(sum(n), 0) FROM archive WHERE {where}"
            ).fetchall()
            assert shown == sum(answers(f"event = 'read' AND ({condition})", "count(*)").values())


def test_small_amounts_and_three_decimals_add_up(spark_session: SparkSession) -> None:
    events = [(1, Decimal("0.004"))] * 10 + [(2, Decimal("1.255"))] * 2 + [(3, None), (3, None)]
    events += [(4, Decimal(10)), (4, None), (5, Decimal("12345678901234567890.12345678"))]
    rows = small_frame(spark_session, events, "person_id bigint, amount decimal(28,8)").selectExpr(
        "person_id", f"DATE'{DAY}' AS day", "'buy' AS event", "'web' AS terminal",
        "'' AS dims_json", "amount", "cast(null AS decimal(28,8)) AS quantity",
        "TIMESTAMP'2026-03-31 10:00:00' AS event_ts",
    )  # fmt: skip
    summed = person_days(rows).select("person_id", "n", "amounts", "amount").collect()
    assert sorted(tuple(row) for row in summed) == [
        (1, 10, 10, Decimal("0.04")),
        (2, 2, 2, Decimal("2.51")),
        (3, 2, 0, None),
        (4, 2, 1, Decimal(10)),
        (5, 1, 1, Decimal("12345678901234567890.12345678")),
    ]
