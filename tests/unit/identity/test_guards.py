"""Identifiers with too many neighbours are set aside."""

from collections.abc import Mapping
from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.testing import assertDataFrameEqual

from databank.errors import MissingColumnsError
from databank.identity.config import Limit, Limits
from databank.identity.exclusions.hubs import count_degrees, usual_degrees
from databank.identity.exclusions.limits import judge_identifiers, refuse_judged, without
from databank.session import small_frame
from tests.support.frames import frame

DAY = date(2026, 1, 31)
EDGES = "a_key bigint, b_key bigint, last_ts timestamp"
REJECTED = "a_key bigint, b_key bigint, rule string, reason string, day date"
LIMITS: dict[str, Limits] = {
    "imei": {"user_id": Limit(most=1), "any": Limit(most=3)},
    "phone": {"user_id": Limit(most=1)},
}


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


def refuse(
    edges: DataFrame, identifiers: DataFrame, limits: Mapping[str, Limits] = LIMITS
) -> tuple[DataFrame, DataFrame]:
    rejected = refuse_judged(judge_identifiers(edges, identifiers, limits=limits, day=DAY), DAY)
    return without(edges, rejected), rejected


def test_an_imei_of_two_users_loses_its_edges_and_is_listed(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    edges = frame(spark_session, EDGES, "1 | 11 |\n 11 | 2 |\n 1 | 21 |")
    kept, rejected = refuse(edges, identifiers)
    assertDataFrameEqual(kept, frame(spark_session, EDGES, "1 | 21 |"))
    reason = "imei seen with 2 different user_id (limit 1)"
    text = f"11 | | limit | {reason} | 2026-01-31"
    assertDataFrameEqual(rejected, frame(spark_session, REJECTED, text))


def test_repeats_and_self_loops_are_no_further_neighbours(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    text = "1 | 11 |\n 11 | 1 |\n 1 | 11 |\n 11 | 11 |"
    edges = frame(spark_session, EDGES, text)
    kept, rejected = refuse(edges, identifiers)
    assertDataFrameEqual(kept, edges)
    assert rejected.isEmpty()


def test_any_counts_all_types_and_all_reasons_are_told(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    text = "1 | 11 |\n 2 | 11 |\n 3 | 11 |\n 11 | 21 |\n 99 | 11 |"
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
    text = """11 | 21 |
              11 | 22 |
              11 | 23 |
              11 | 1 |
              21 | 1 |
              21 | 2 |
              22 | 1 |
              22 | 3 |"""
    kept, rejected = refuse(frame(spark_session, EDGES, text), identifiers)
    assert kept.isEmpty()
    assert {row["a_key"] for row in rejected.collect()} == {11, 21, 22}


def test_without_limits_nothing_is_refused(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    edges = frame(spark_session, EDGES, "1 | 11 |\n 2 | 11 |")
    assert refuse(edges, identifiers, limits={})[1].isEmpty()


def test_a_window_forgets_neighbours_of_long_ago(
    spark_session: SparkSession, identifiers: DataFrame
) -> None:
    limits: dict[str, Limits] = {"phone": {"user_id": Limit(most=1, days=31)}}
    text = """21 | 1 | 2025-12-31 23:59:59
              21 | 2 | 2026-01-31 10:00:00
              22 | 1 | 2026-01-01 00:00:00
              22 | 2 | 2026-01-31 10:00:00"""
    edges = frame(spark_session, EDGES, text)
    _, rejected = refuse(edges, identifiers, limits)
    assert [(row["a_key"], row["reason"]) for row in rejected.collect()] == [
        (22, "phone seen with 2 different user_id in 31 days (limit 1)")
    ]


def test_what_is_unusual_for_its_type_is_junk(spark_session: SparkSession) -> None:
    # 200 cookies with one neighbour each, and one with five
    pairs = [(n, 1000 + n, None) for n in range(200)] + [(500, 1000 + n, None) for n in range(5)]
    keys = [(n, "cookie") for n in [*range(200), 500]] + [(1000 + n, "gaid") for n in range(200)]
    edges = small_frame(spark_session, pairs, EDGES)
    identifiers = small_frame(spark_session, keys, "id_key bigint, id_type string")

    judged = judge_identifiers(edges, identifiers, limits={}, day=DAY)
    usual = usual_degrees(count_degrees(judged))

    def junk(times: int) -> list[tuple[int, str, str]]:
        found = refuse_judged(judged, DAY, junk=times, usual=usual)
        return [(row["a_key"], row["rule"], row["reason"]) for row in found.collect()]

    told = "cookie seen with 5 different identifiers, where 1 are usual (limit 4 times as many)"
    assert junk(4) == [(500, "hub", told)]
    assert junk(5) == []


def test_a_missing_type_is_named(spark_session: SparkSession, identifiers: DataFrame) -> None:
    edges = frame(spark_session, EDGES, "1 | 11 |")
    with pytest.raises(MissingColumnsError, match="id_type"):
        refuse(edges, identifiers.drop("id_type"))
