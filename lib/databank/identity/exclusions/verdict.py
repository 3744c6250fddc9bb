"""Which identifiers may not link, and why: the one place that decides it.

An excluded identifier links nothing, and belongs to no person. One rule of `identity.rules`
excludes it: blocked by hand, over a limit (`limits` counts neighbours), a hub (`hubs` knows what
is typical), or a text that is no identifier. Verdicts are frames of one shape: id_key, rule,
reason. Rejected links are pairs of keys with rule and reason; both go to identity.rejected.
"""

from collections.abc import Collection, Mapping
from datetime import date

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import Limits
from databank.identity.exclusions.limits import with_broken_limits
from databank.identity.rules import FORMAT_RULE, HUB_RULE, LIMIT_RULE

EXCLUDED = "id_key bigint, rule string, reason string"
REJECTED_LINK = "a_key bigint, b_key bigint, rule string, reason string"


def excluded_by_evidence(
    stats: DataFrame,
    *,
    hub_factor: int | None = None,
    typical: DataFrame | None = None,
    exempt: Collection[int] = (),
) -> DataFrame:
    """Exclude identifiers that break a limit, or that have far more neighbours than is typical.

    An identifier that loses all its edges to excluded ones is a person of its own.

    Args:
        stats: As `neighbour_stats` gives them.
        hub_factor: How many times the typical neighbours an identifier may have; None = any number.
        typical: id_type, typical, see `typical_degrees`; needed with hub_factor.
        exempt: Keys that keep no limit: they are one person by hand.

    Returns:
        Verdicts, one per identifier: rule `limit`, or `hub` if no limit is broken.
    """
    hub_reason = F.lit(None).cast("string")
    if hub_factor is not None and typical is not None:
        # one row per type
        stats = stats.join(F.broadcast(typical), "id_type")
        degree, usual = F.col("degree").cast("string"), F.col("typical").cast("string")
        text = F.concat(
            F.col("id_type"), F.lit(" seen with "), degree, F.lit(" different identifiers, where "),
            usual, F.lit(f" are typical (limit {hub_factor} times as many)"),
        )  # fmt: skip
        hub_reason = F.when(F.col("degree") > F.col("typical") * hub_factor, text)
    rule = F.when(F.col("broken_limits").isNotNull(), F.lit(LIMIT_RULE)).otherwise(F.lit(HUB_RULE))
    reason = F.coalesce("broken_limits", hub_reason)
    verdicts = stats.where(reason.isNotNull()).select(
        "id_key", rule.alias("rule"), reason.alias("reason")
    )
    return verdicts.where(~F.col("id_key").isin(sorted(exempt))) if exempt else verdicts


def periods_over_limit(neighbours: DataFrame, limits: Mapping[str, Limits], day: date) -> DataFrame:
    """Exclude ownership periods (by their node key) that break a limit on their own.

    Args:
        neighbours: As `with_broken_limits` takes them, id_key being the node of a period.
        limits: By type of the identifier, see `neighbour_stats`.
        day: Run day.

    Returns:
        Verdicts, one per period.
    """
    return excluded_by_evidence(with_broken_limits(neighbours, limits, day))


def unreadable_identifiers(refused: DataFrame) -> DataFrame:
    """Exclude texts that ingest refused by format, checksum or list of placeholders.

    Args:
        refused: identity.refused: id_key, id_type, why.

    Returns:
        Verdicts, one per text.
    """
    reason = F.min(F.concat("id_type", F.lit(": "), "why")).alias("reason")
    by_text = refused.groupBy("id_key").agg(reason)
    return by_text.select("id_key", F.lit(FORMAT_RULE).alias("rule"), "reason")


def without_excluded(edges: DataFrame, excluded: DataFrame) -> DataFrame:
    """Keep the edges neither of whose ends (a_key, b_key) is excluded (id_key)."""
    keys = excluded.select(F.col("id_key").alias("key")).distinct()
    kept = edges.join(keys, F.col("a_key") == F.col("key"), "left_anti")
    return kept.join(keys, F.col("b_key") == F.col("key"), "left_anti")


def hubs_of(excluded: DataFrame) -> DataFrame:
    """Keep the id_key of the hubs among verdicts."""
    return excluded.where(F.col("rule") == HUB_RULE).select("id_key")


def hub_rows(before: DataFrame, after: DataFrame) -> DataFrame:
    """Rows of identity.hub: all hubs, and which of them were released.

    Args:
        before: Verdicts before hubs were released.
        after: Verdicts that are left.
    """
    left = hubs_of(after).withColumn("released", F.lit(False))
    joined = hubs_of(before).join(left, "id_key", "left")
    return joined.select("id_key", F.coalesce("released", F.lit(True)).alias("released"))


def as_rejected(excluded: DataFrame, day: date) -> DataFrame:
    """Rows of identity.rejected that say why an identifier is excluded."""
    return excluded.select(
        F.col("id_key").alias("a_key"),
        F.lit(None).cast("bigint").alias("b_key"),
        "rule",
        "reason",
        F.lit(day).alias("day"),
    )
