"""Rules: what holds, what does not, what is unknown."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from pyspark.sql import SparkSession, functions as F
from pyspark.testing import assertDataFrameEqual

from databank.quality.config import RULE_KINDS, RuleConfig, rule_kind
from databank.quality.quarantine import quarantine_rows
from databank.quality.rules import Finding, first_finding, rule_findings, rule_warnings
from tests.support.frames import frame

_ROWS = """
    web | 1 | 1
    web | 1 | 9
    web | 9 | 9
    web | 1 |
    app | 1 | 9"""


def _rule(name: str, check: str, otherwise: str) -> tuple[str, RuleConfig]:
    rule = RuleConfig.model_validate({"name": name, "check": check, "otherwise": otherwise})
    return "web", rule


def test_the_first_finding_decides_and_an_unknown_condition_does_not_hold(
    spark_session: SparkSession,
) -> None:
    rows = frame(spark_session, "source string, a int, b int", _ROWS)
    findings = [
        Finding(F.col("a") > 5, F.lit("big_a"), F.concat(F.lit("a: "), F.col("a").cast("string"))),
        *rule_findings([_rule("small_b", "b < 5", "quarantine")]),
    ]
    verdicts = rows.select(first_finding(findings).alias("v")).select("v.rule", "v.reason")
    expected = """|
        small_b | does not hold: b < 5
        big_a   | a: 9
        small_b | does not hold: b < 5
        |"""
    assertDataFrameEqual(verdicts, frame(spark_session, "rule string, reason string", expected))


def test_warnings_are_gathered_and_stops_are_told_apart(spark_session: SparkSession) -> None:
    rows = frame(spark_session, "source string, a int", "web | 1\n web | 9\n app | 9")
    rules = [
        _rule("small", "a < 5", "warn"),
        _rule("odd", "a % 2 = 0", "stop"),
        _rule("gone", "a > 100", "quarantine"),
    ]
    warned = [row[0] for row in rows.select(rule_warnings(rules)).collect()]
    assert warned == [["stop:odd"], ["small", "stop:odd"], []]


def test_only_rows_with_a_verdict_are_quarantined(spark_session: SparkSession) -> None:
    schema = "source string, file string, line bigint, rule string, reason string, raw string"
    given = """
        s | f | 1 |                 |          |   | 2026-01-31
        s | f | 2 | format          | not JSON | { |
        s | f | 3 | from_the_future | later    | x | 2026-02-01
    """
    rows = frame(spark_session, f"{schema}, day date", given)
    taken = quarantine_rows(rows, load_id="L")
    expected = frame(
        spark_session,
        f"load_id string, {schema}, waits_for date",
        """
        L | s | f | 2 | format          | not JSON | { |
        L | s | f | 3 | from_the_future | later    | x | 2026-02-01
        """,
    )
    assertDataFrameEqual(taken, expected)


@pytest.fixture
def _between() -> Iterator[None]:
    def between(column: str, low: float, high: float = 100) -> str:
        """Hold where a column lies in a range."""
        return f"{column} BETWEEN {low} AND {high}"

    rule_kind(between)
    yield
    del RULE_KINDS["between"]


@pytest.mark.usefixtures("_between")
def test_a_new_kind_of_rule_is_one_function(spark_session: SparkSession) -> None:
    rule = RuleConfig.model_validate(
        {
            "name": "small",
            "between": {"column": "a", "low": 2, "high": 5},
            "otherwise": "quarantine",
        }
    )
    rows = frame(spark_session, "source string, a int", "web | 1\n web | 3\n web | ")
    verdict = first_finding(rule_findings([("web", rule)])).alias("v")
    reasons = [row["reason"] for row in rows.select(verdict).select("v.reason").collect()]
    broken = "does not hold: a BETWEEN 2 AND 5"
    assert reasons == [broken, None, broken]


@pytest.mark.usefixtures("_between")
@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"betwen": {"column": "a"}}, "unknown key 'betwen'; did you mean 'between'?"),
        (
            {"between": {"column": "a", "lo": 1}},
            "between: unknown argument 'lo'; did you mean 'low'?",
        ),
        (
            {"between": "a"},
            "between: lacks `low`; write between: {column: ..., low: ..., high: ...}",
        ),
        ({"between": {"column": "a", "low": "x"}}, "between.low: wrong value 'x'"),
        ({}, "has no condition; write one of between, check"),
        ({"check": "a > 1", "between": {"column": "a", "low": 1}}, "has between and check"),
        ({"check": ["a"]}, "check.condition: wrong value"),
    ],
)
def test_a_wrong_rule_is_named_with_its_remedy(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        RuleConfig.model_validate({"name": "small", **keys})
    assert message in str(error.value)
