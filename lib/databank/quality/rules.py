"""Verdicts on rows: the first finding decides, warnings are gathered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, functions as F

from databank.quality.config import RuleConfig

STOP = "stop:"  # prefix of the warning that refuses the whole load


@dataclass(frozen=True)
class Finding:
    """A reason to quarantine a row.

    Attributes:
        when: Whether the row has the fault; null counts as no.
        rule: Short fixed name, good for counting.
        reason: What a person reads; may show the value.
    """

    when: Column
    rule: Column
    reason: Column


def first_finding(findings: Sequence[Finding]) -> Column:
    """Give the struct (rule, reason) of the first finding that applies; null for a sound row."""
    verdict = F.lit(None).cast("struct<rule:string,reason:string>")
    for finding in reversed(findings):
        struct = F.struct(finding.rule.alias("rule"), finding.reason.alias("reason"))
        verdict = F.when(finding.when, struct).otherwise(verdict)
    return verdict


def broken(source: str, rule: RuleConfig) -> Column:
    """Tell whether a row of the source breaks its rule; a null condition does not hold."""
    holds = F.coalesce(F.expr(rule.condition), F.lit(False))
    return (F.col("source") == source) & ~holds


def rule_findings(rules: Iterable[tuple[str, RuleConfig]]) -> list[Finding]:
    """Make findings of the rules that quarantine, each given with its source."""
    return [
        Finding(broken(source, rule), F.lit(rule.name), F.lit(f"does not hold: {rule.condition}"))
        for source, rule in rules
        if rule.otherwise == "quarantine"
    ]


def rule_warnings(rules: Iterable[tuple[str, RuleConfig]]) -> Column:
    """Name the broken rules that only warn, or stop the load (prefix `stop:`)."""
    names = [
        F.when(
            broken(source, rule),
            F.lit(rule.name if rule.otherwise == "warn" else STOP + rule.name),
        )
        for source, rule in rules
        if rule.otherwise != "quarantine"
    ]
    return F.array_compact(F.array(*names)) if names else F.array().cast("array<string>")
