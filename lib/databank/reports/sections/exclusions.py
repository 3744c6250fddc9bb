"""Identifiers and links that are not used to make persons, and why."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, functions as F

from databank.reports import format as fmt
from databank.reports.page import Grid, Panel


@dataclass(frozen=True)
class Exclusion:
    """Identifiers or links that are not used, by rule, readable reason and type."""

    rule: str
    reason: str
    id_type: str
    n: int


def count_exclusions(
    exclusions: DataFrame, types: DataFrame
) -> tuple[tuple[Exclusion, ...], tuple[Exclusion, ...]]:
    """Count excluded identifiers and rejected links by rule, reason and type.

    Figures in a reason differ from value to value and are left out; so is an identifier itself.
    """
    reason = F.split("reason", "; ")[0]
    reason = F.regexp_replace(reason, "with [0-9]+ different", "with too many different")
    reason = F.regexp_replace(reason, "a person [0-9]+ ", "a person too many ")
    reason = F.regexp_replace(reason, r"\S*@\S*|\S*[0-9]{5,}\S*", "…")
    named = F.contains(F.lower("reason"), F.lower("id_value"))
    reason = F.when(~F.coalesce(named, F.lit(False)), reason)
    typed = types.select(F.col("id_key").alias("a_key"), "id_type", "id_value")
    # what is no identifier has no row there, and tells its type in the reason
    unreadable = F.when(F.col("rule") == "format", F.split("reason", ":")[0])
    rows = (
        exclusions.join(typed, "a_key", "left")
        .groupBy(
            F.col("b_key").isNull().alias("alone"),
            "rule",
            reason.alias("reason"),
            F.coalesce("id_type", unreadable, F.lit("unknown")).alias("id_type"),
        )
        .count()
        .orderBy(F.desc("count"), "rule", "reason", "id_type")
        .limit(100)
        .collect()
    )
    both: dict[bool, list[Exclusion]] = {True: [], False: []}
    for row in rows:
        exclusion = Exclusion(row["rule"], row["reason"] or "", row["id_type"], row["count"])
        both[row["alone"]].append(exclusion)
    return tuple(both[True]), tuple(both[False])


def draw_exclusions(
    excluded: tuple[Exclusion, ...], rejected: tuple[Exclusion, ...]
) -> tuple[Panel, ...]:
    """Draw a table of either, the most frequent reasons first."""
    panels = []
    for title, exclusions, noun, verb in (
        ("Excluded identifiers", excluded, "identifier", "excluded"),
        ("Rejected links", rejected, "link", "rejected"),
    ):
        if not exclusions:
            continue
        total = sum(exclusion.n for exclusion in exclusions)
        rows = tuple((_reason(x), fmt.label(x.id_type), fmt.count(x.n)) for x in exclusions[:40])
        first = max(exclusions, key=lambda exclusion: exclusion.n)
        summary = (
            f"{fmt.plural(total, noun)} {verb}, so that strangers are not taken for one "
            f"person. The most frequent reason: {_reason(first)}, {fmt.plural(first.n, 'time')}."
        )
        alone = not (excluded and rejected)
        grid = Grid(("Why", "Type", "Number"), rows, text_columns=2)
        panels.append(Panel(title, summary, grid=grid, wide=alone))
    return tuple(panels)


def _reason(exclusion: Exclusion) -> str:
    return exclusion.reason or exclusion.rule.replace("_", " ")
