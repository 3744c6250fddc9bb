"""Rules: what holds, what does not, what is unknown."""

from pyspark.sql import SparkSession, functions as F
from pyspark.testing import assertDataFrameEqual

from databank.quality.config import RuleConfig
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
    found = rows.select(first_finding(findings).alias("v")).select("v.rule", "v.reason")
    expected = """|
        small_b | does not hold: b < 5
        big_a   | a: 9
        small_b | does not hold: b < 5
        |"""
    assertDataFrameEqual(found, frame(spark_session, "rule string, reason string", expected))


def test_warnings_are_gathered_and_stops_are_told_apart(spark_session: SparkSession) -> None:
    rows = frame(spark_session, "source string, a int", "web | 1\n web | 9\n app | 9")
    rules = [
        _rule("small", "a < 5", "warn"),
        _rule("odd", "a % 2 = 0", "stop"),
        _rule("gone", "a > 100", "quarantine"),
    ]
    found = [row[0] for row in rows.select(rule_warnings(rules)).collect()]
    assert found == [["stop:odd"], ["small", "stop:odd"], []]


def test_only_rows_with_a_verdict_are_quarantined(spark_session: SparkSession) -> None:
    schema = "source string, file string, line bigint, rule string, reason string, raw string"
    rows = frame(spark_session, schema, "s | f | 1 | | |\n s | f | 2 | format | not JSON | {")
    found = quarantine_rows(rows, load_id="L")
    expected = frame(
        spark_session, f"load_id string, {schema}", "L | s | f | 2 | format | not JSON | {"
    )
    assertDataFrameEqual(found, expected)
