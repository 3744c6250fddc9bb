"""Frames of rows that are at hand in Python."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from databank.session import arrow_frame, small_frame

SCHEMA = (
    "n bigint, name string, at timestamp, day date, amount decimal(18,2), share double, "
    "told array<string>, counted map<string,bigint>, pair struct<a:int,b:string>"
)
ROW = (
    1,
    "é, \N{FIRE}",
    datetime(2026, 1, 31, 23, 59, tzinfo=UTC),
    date(2026, 1, 31),
    Decimal("10.50"),
    0.5,
    ["x", None],
    {"a": 1},
    (7, "b"),
)


@pytest.mark.parametrize("rows", [[], [ROW], [ROW, (None,) * 9]])
def test_rows_come_back_as_they_were_given(
    spark_session: SparkSession, rows: list[tuple[Any, ...]]
) -> None:
    given_back = small_frame(spark_session, rows, SCHEMA)
    assert (
        given_back.schema
        == spark_session.sql(f"SELECT from_json('', '{SCHEMA}') r").select("r.*").schema
    )
    rows_back = given_back.selectExpr("*", "date_format(at, 'HH:mm') AS clock").collect()
    assert [tuple(row)[:2] + tuple(row)[3:9] for row in rows_back] == [
        row[:2] + row[3:] for row in rows
    ]
    assert [row["clock"] for row in rows_back] == [row[2] and "23:59" for row in rows]


def test_rows_are_a_part_of_the_plan(spark_session: SparkSession) -> None:
    for rows in ([], [(1,)]):
        plan = small_frame(spark_session, rows, "n bigint")._jdf.queryExecution().toString()
        assert "ExistingRDD" not in plan
        assert "LocalTableScan" in plan


def test_rows_behind_an_empty_batch_are_there(spark_session: SparkSession) -> None:
    rows = pa.table({"n": [1, 2]})
    table = pa.concat_tables([rows, rows.slice(0, 0), rows])
    assert [row["n"] for row in arrow_frame(spark_session, table).collect()] == [1, 2, 1, 2]
