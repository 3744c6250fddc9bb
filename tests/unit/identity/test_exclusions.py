"""Identifiers with too many neighbours are excluded, each with its reason."""

from typing import Any, NamedTuple

import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.errors import DataBankError, MissingColumnsError
from databank.identity.config import Blocked, Limit, Limits
from databank.identity.evidence.manual import blocked_identifiers
from databank.identity.exclusions.hubs import count_degrees, typical_degrees, updated_degrees
from databank.identity.exclusions.limits import neighbour_stats
from databank.identity.exclusions.verdict import excluded_by_evidence, without_excluded
from databank.session import small_frame
from tests.support.bank import DAY
from tests.support.frames import frame

EDGES = "a_key bigint, b_key bigint, last_ts timestamp"
IDENTIFIERS = "id_key bigint, id_type string"
LIMITS: dict[str, Limits] = {
    "imei": {"user_id": Limit(most=1), "any": Limit(most=3)},
    "phone": {"user_id": Limit(most=1)},
    "card": {"user_id": Limit(most=1, days=31)},
}
# 1-5 users, 11-13 imeis, 21-23 phones, 31-32 cards; each case has its own ones
TYPES = {
    **dict.fromkeys((1, 2, 3), "user_id"),
    **dict.fromkeys((11, 12), "imei"),
    **dict.fromkeys((21, 22, 23), "phone"),
    **dict.fromkeys((31, 32), "card"),
}
CASES = {
    "two users": "1 | 11 |\n 11 | 2 |\n 1 | 21 |",
    "repeats and self loops": "1 | 11 |\n 11 | 1 |\n 1 | 11 |\n 11 | 11 |",
    "many of all types": "1 | 11 |\n 2 | 11 |\n 3 | 11 |\n 11 | 21 |\n 99 | 11 |",
    # imei 11 knows four identifiers; two of them are phones that are excluded as well
    "excluded neighbours": """11 | 21 |
                              11 | 22 |
                              11 | 23 |
                              11 | 1 |
                              21 | 1 |
                              21 | 2 |
                              22 | 1 |
                              22 | 3 |""",
    "a window": """31 | 1 | 2025-12-31 23:59:59
                   31 | 2 | 2026-01-31 10:00:00
                   32 | 1 | 2026-01-01 00:00:00
                   32 | 2 | 2026-01-31 10:00:00""",
}


class Verdicts(NamedTuple):
    """What is excluded in a case (key, rule, reason), and the edges that are left."""

    excluded: list[tuple[int, str, str]]
    kept: list[tuple[int, int]]


def _decide(edges: DataFrame, identifiers: DataFrame, limits: dict[str, Limits]) -> Any:
    stats = neighbour_stats(edges, identifiers, limits=limits, day=DAY)
    excluded = excluded_by_evidence(stats)
    return excluded, without_excluded(edges, excluded)


@pytest.fixture(scope="module")
def verdicts(spark_session: SparkSession) -> dict[str, Verdicts]:
    """All cases at once, kept apart by their thousands."""
    edges = small_frame(spark_session, [], EDGES)
    for number, text in enumerate(CASES.values()):
        moved = [(F.col(end) + 1000 * number).alias(end) for end in ("a_key", "b_key")]
        edges = edges.unionByName(frame(spark_session, EDGES, text).select(*moved, "last_ts"))
    listed = [(1000 * n + key, kind) for n in range(len(CASES)) for key, kind in TYPES.items()]
    excluded, kept = (
        sorted(tuple(row) for row in rows.collect())
        for rows in _decide(edges, small_frame(spark_session, listed, IDENTIFIERS), LIMITS)
    )
    return {
        case: Verdicts(
            [(key % 1000, *rest) for key, *rest in excluded if key // 1000 == number],
            [(a % 1000, b % 1000) for a, b, _ in kept if a // 1000 == number],
        )
        for number, case in enumerate(CASES)
    }


def test_an_imei_of_two_users_loses_its_edges_and_is_listed(verdicts: dict[str, Verdicts]) -> None:
    reason = "imei seen with 2 different user_id (limit 1)"
    assert verdicts["two users"] == Verdicts([(11, "limit", reason)], [(1, 21)])


def test_repeats_and_self_loops_are_no_further_neighbours(verdicts: dict[str, Verdicts]) -> None:
    kept = [(1, 11), (1, 11), (11, 1), (11, 11)]
    assert verdicts["repeats and self loops"] == Verdicts([], kept)


def test_any_counts_all_types_and_all_reasons_are_named(verdicts: dict[str, Verdicts]) -> None:
    (excluded,) = verdicts["many of all types"].excluded
    assert excluded[2] == (
        "imei seen with 5 different identifiers (limit 3); "
        "imei seen with 3 different user_id (limit 1)"
    )


def test_a_neighbour_that_is_itself_excluded_still_counts(verdicts: dict[str, Verdicts]) -> None:
    assert not verdicts["excluded neighbours"].kept
    assert {key for key, _, _ in verdicts["excluded neighbours"].excluded} == {11, 21, 22}


def test_a_window_forgets_neighbours_of_long_ago(verdicts: dict[str, Verdicts]) -> None:
    assert verdicts["a window"].excluded == [
        (32, "limit", "card seen with 2 different user_id in 31 days (limit 1)")
    ]


def test_without_limits_nothing_is_excluded(spark_session: SparkSession) -> None:
    edges = frame(spark_session, EDGES, "1 | 11 |\n 2 | 11 |")
    identifiers = small_frame(spark_session, TYPES.items(), IDENTIFIERS)
    assert _decide(edges, identifiers, {})[0].isEmpty()


def test_a_missing_type_is_named(spark_session: SparkSession) -> None:
    edges = frame(spark_session, EDGES, "1 | 11 |")
    with pytest.raises(MissingColumnsError, match="id_type"):
        _decide(edges, small_frame(spark_session, [(1,)], "id_key bigint"), LIMITS)


def test_what_has_far_more_neighbours_than_its_type_is_a_hub(spark_session: SparkSession) -> None:
    # 200 cookies with one neighbour each, and one with five
    pairs = [(n, 1000 + n, None) for n in range(200)] + [(500, 1000 + n, None) for n in range(5)]
    keys = [(n, "cookie") for n in [*range(200), 500]] + [(1000 + n, "gaid") for n in range(200)]
    edges = small_frame(spark_session, pairs, EDGES)
    identifiers = small_frame(spark_session, keys, IDENTIFIERS)
    stats = neighbour_stats(edges, identifiers, limits={}, day=DAY).localCheckpoint()
    typical = typical_degrees(count_degrees(stats))

    def hubs(factor: int) -> list[tuple[int, str, str]]:
        excluded = excluded_by_evidence(stats, hub_factor=factor, typical=typical).collect()
        return [tuple(row) for row in excluded]

    reason = "cookie seen with 5 different identifiers, where 1 are typical (limit 4 times as many)"
    assert hubs(4) == [(500, "hub", reason)]
    assert hubs(5) == []


def test_degrees_follow_those_of_a_few(spark_session: SparkSession) -> None:
    def counted(*degrees: tuple[str, int]) -> DataFrame:
        return count_degrees(small_frame(spark_session, degrees, "id_type string, degree bigint"))

    known = counted(("phone", 1), ("phone", 1), ("phone", 4), ("email", 2))
    moved = updated_degrees(known, counted(("phone", 1), ("email", 2)), counted(("phone", 7)))
    rows = sorted(tuple(row) for row in moved.collect())
    assert rows == [("phone", 1, 1), ("phone", 4, 1), ("phone", 7, 1)]


def test_typical_is_what_99_of_100_keep(spark_session: SparkSession) -> None:
    rows = [("phone", 1, 980), ("phone", 3, 15), ("phone", 90, 5), ("email", 2, 1)]
    schema = "id_type string, neighbours bigint, identifiers bigint"
    typical = typical_degrees(small_frame(spark_session, rows, schema)).collect()
    assert {row["id_type"]: row["typical"] for row in typical} == {"phone": 3, "email": 2}


def test_a_pattern_that_only_python_reads_is_refused(spark_session: SparkSession) -> None:
    schema = "id_key bigint, id_type string, scope string, id_value string"
    identifiers = small_frame(spark_session, [(1, "phone", "", "p1")], schema)
    with pytest.raises(DataBankError, match="Java cannot read the pattern"):
        blocked_identifiers(identifiers, [Blocked(type="phone", pattern="(?P<all>p.*)")])
