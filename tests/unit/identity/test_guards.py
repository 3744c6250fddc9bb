"""Identifiers with too many neighbours are set aside."""

from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.testing import assertDataFrameEqual

from databank.errors import DataBankError, MissingColumnsError
from databank.identity import refuse_by_limits
from tests.support.frames import frame

DAY = date(2026, 1, 31)
EDGES = "a_key bigint, b_key bigint, source string, n bigint"
REJECTED = "a_key bigint, b_key bigint, rule string, reason string, day date"
LIMITS = {"imei": {"user_id": 1, "any": 3}, "phone": {"user_id": 1}}


@pytest.fixture
def identifiers(spark_session: SparkSession) -> DataFrame:
    # 1-5 users, 11-13 imeis, 21-23 phones
    text = """1 | user_id
              2 | user_id
              3 | user_id
              11 | imei
              12 | imei
              21 | phone
              22 | phone
              23 | phone"""
    return frame(spark_session, "id_key bigint, id_type string", text)


def refuse(edges: DataFrame, identifiers: DataFrame) -> tuple[DataFrame, DataFrame]:
    return refuse_by_limits(edges, identifiers, limits=LIMITS, day=DAY)


def test_an_imei_of_two_users_loses_its_edges_and_is_listed(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    edges = frame(spark_session, EDGES, "1 | 11 | web | 4\n 11 | 2 | app | 1\n 1 | 21 | web | 2")
    kept, rejected = refuse(edges, identifiers)
    assertDataFrameEqual(kept, frame(spark_session, EDGES, "1 | 21 | web | 2"))
    reason = "imei seen with 2 different user_id (limit 1)"
    text = f"11 | | limit | {reason} | 2026-01-31"
    assertDataFrameEqual(rejected, frame(spark_session, REJECTED, text))


def test_repeats_and_self_loops_are_no_further_neighbours(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    text = "1 | 11 | web | 4\n 11 | 1 | app | 1\n 1 | 11 | app | 1\n 11 | 11 | web | 1"
    edges = frame(spark_session, EDGES, text)
    kept, rejected = refuse(edges, identifiers)
    assertDataFrameEqual(kept, edges)
    assert rejected.isEmpty()


def test_any_counts_all_types_and_all_reasons_are_told(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    text = "1 | 11 | w | 1\n 2 | 11 | w | 1\n 3 | 11 | w | 1\n 11 | 21 | w | 1\n 99 | 11 | w | 1"
    _, rejected = refuse(frame(spark_session, EDGES, text), identifiers)
    (row,) = rejected.collect()
    assert row["reason"] == (
        "imei seen with 5 different identifiers (limit 3); "
        "imei seen with 3 different user_id (limit 1)"
    )


def test_a_neighbour_that_is_itself_set_aside_still_counts(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    # imei 11 knows four identifiers; two of them are phones that are set aside as well
    text = """11 | 21 | w | 1
              11 | 22 | w | 1
              11 | 23 | w | 1
              11 | 1 | w | 1
              21 | 1 | w | 1
              21 | 2 | w | 1
              22 | 1 | w | 1
              22 | 3 | w | 1"""
    kept, rejected = refuse(frame(spark_session, EDGES, text), identifiers)
    assert kept.isEmpty()
    assert {row["a_key"] for row in rejected.collect()} == {11, 21, 22}


def test_without_limits_nothing_is_refused(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    edges = frame(spark_session, EDGES, "1 | 11 | web | 4\n 2 | 11 | web | 4")
    kept, rejected = refuse_by_limits(edges, identifiers, limits={}, day=DAY)
    assertDataFrameEqual(kept, edges)
    assert rejected.isEmpty()


def test_a_negative_limit_is_named(spark_session: SparkSession, identifiers: DataFrame) -> None:
    edges = frame(spark_session, EDGES, "1 | 11 | web | 4")
    with pytest.raises(DataBankError, match=r"limits\.imei\.any: -1"):
        refuse_by_limits(edges, identifiers, limits={"imei": {"any": -1}}, day=DAY)


def test_a_missing_type_is_named(spark_session: SparkSession, identifiers: DataFrame) -> None:
    edges = frame(spark_session, EDGES, "1 | 11 | web | 4")
    with pytest.raises(MissingColumnsError, match="id_type"):
        refuse(edges, identifiers.drop("id_type"))
