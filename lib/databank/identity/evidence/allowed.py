"""Which evidence may link: what is refused, what is told by hand, what holds for a time only."""

from datetime import date
from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.identity.config import IdentityConfig
from databank.identity.evidence.edges import seen_together
from databank.identity.evidence.manual import Told, blocked_nodes, one_by_hand
from databank.identity.exclusions.limits import (
    judge_identifiers,
    refuse_judged,
    refuse_nodes,
    without,
)
from databank.identity.ownership.reassignment import (
    days_of_handover,
    holdings_of,
    links_of_today,
    neighbours_of,
    sightings,
    split_links,
    with_nodes,
    without_clash,
)
from databank.identity.rules import LIMIT_RULE, LINKAGE_RULE, MANUAL_RULE
from databank.session import checkpoint, small_frame

_LINK = ("a_key", "b_key", "rule", "n", "first_ts", "last_ts", "score")


class Judged(NamedTuple):
    """Evidence, and how many neighbours each identifier has in it.

    Attributes:
        links: identity.edges rows that neither a block nor an unlink cuts.
        blocked: identity.rejected rows of what is blocked.
        identifiers: key, kind, degree, limited, see `judge_identifiers`.
    """

    links: DataFrame
    blocked: DataFrame
    identifiers: DataFrame


class Evidence(NamedTuple):
    """What the components are made of; keys are those of nodes, see `handovers`.

    Attributes:
        links: identity.edges rows that no hand rule cut, those made by hand included.
        nodes: id_key, id_type: identifiers, and later holdings of what was handed over.
        refused: identity.rejected rows: nodes and links that must not link.
        holdings: id_key, valid_from, valid_to, node of what was handed over.
    """

    links: DataFrame
    nodes: DataFrame
    refused: DataFrame
    holdings: DataFrame


def judge_evidence(
    edges: DataFrame,
    identifiers: DataFrame,
    config: IdentityConfig,
    told: Told,
    *,
    day: date,
    only: DataFrame | None = None,
) -> Judged:
    """Cut what is blocked or unlinked by hand, and count the neighbours that are left.

    Args:
        edges: identity.edges.
        identifiers: identity.identifier.
        config: identity.yml.
        told: Its rules made by hand, as keys.
        day: Run day: windows end with it.
        only: id_key of those that are judged; None = all.
    """
    blocked = blocked_nodes(identifiers, config.block, day=day)
    blocked = checkpoint(blocked) if config.block else blocked
    spark = edges.sparkSession
    wrong = small_frame(spark, told.ignore_link, "one bigint, other bigint, why string")
    pair = (F.least("a_key", "b_key"), F.greatest("a_key", "b_key"))
    same = (pair[0] == F.col("one")) & (pair[1] == F.col("other"))
    links = without(edges.join(F.broadcast(wrong), same, "left_anti"), blocked)
    # likeness is no sight: no limit counts it
    found = judge_identifiers(
        one_by_hand(seen_together(links), told.must_link),
        identifiers,
        limits=config.limits,
        day=day,
        every=config.hub_factor is not None,
    )
    if only is not None:
        found = found.join(only, F.col("key") == F.col("id_key"), "left_semi")
    # what is usual among them is asked before they are refused
    return Judged(links, blocked, found if config.hub_factor is None else checkpoint(found))


def allowed_evidence(
    judged: Judged,
    identifiers: DataFrame,
    usual: DataFrame | None,
    config: IdentityConfig,
    told: Told,
    *,
    day: date,
    timezone: str,
) -> Evidence:
    """Take from the evidence what identity.yml refuses, and add what it tells.

    Args:
        judged: As `judge_evidence` gives it.
        identifiers: identity.identifier.
        usual: As `usual_degrees` gives it; None where junk is not looked for.
        config: identity.yml.
        told: Its rules made by hand, as keys.
        day: Run day: windows end with it.
        timezone: Business time zone, in which identifiers are handed over.
    """
    blocked, seen = judged.blocked, seen_together(judged.links)
    # what is told of today and not of a time
    now = judged.links.where(F.col("rule") == LINKAGE_RULE).select(*_LINK)
    spark = seen.sparkSession
    ends = [key for pair in told.must_link for key in pair]
    refused = refuse_judged(judged.identifiers, day, junk=config.hub_factor, usual=usual)
    # what is one person by hand keeps no limit
    refused = refused.where(~F.col("a_key").isin(ends)) if ends else refused
    rows = [(a, b, MANUAL_RULE) for a, b in told.must_link]
    made = small_frame(spark, rows, "a_key bigint, b_key bigint, rule string")
    made = made.withColumn("n", F.lit(1).cast("bigint"))
    made = now.unionByName(made, allowMissingColumns=True)
    links = seen.select(*_LINK)
    nodes, holdings = identifiers.select("id_key", "id_type"), _no_holdings(seen)
    if config.reassignment or told.reassigned_by_hand:
        refused = checkpoint(refused)
        by_hand = small_frame(spark, told.reassigned_by_hand, "id_key bigint, day date")
        whole, known = _looked_at(identifiers, blocked, refused, config, by_hand)
        near = sightings(seen, identifiers, whole)
        holdings = checkpoint(_holdings(near, identifiers, known, config, timezone))
    if not holdings.isEmpty():
        links, nodes = split_links(links, near, holdings, timezone), with_nodes(nodes, holdings)
        made = links_of_today(made, holdings)
        split = F.broadcast(holdings.select(F.col("id_key").alias("a_key")).distinct())
        # and counts as one
        free = holdings.where(~F.col("id_key").isin(ends)) if ends else holdings
        met = near.withColumnsRenamed({"id_key": "a_key", "with": "b_key"})
        met = one_by_hand(met, told.must_link)
        met = met.withColumnsRenamed({"a_key": "id_key", "b_key": "with"})
        again = refuse_nodes(neighbours_of(met, free, timezone), config.limits, day)
        refused = refused.join(split, "a_key", "left_anti").unionByName(again)
    links = links.unionByName(made)
    parts = (blocked, refused, _unlinked(spark, told, day))
    return Evidence(links, nodes, checkpoint(reduce(DataFrame.unionByName, parts)), holdings)


def _unlinked(spark: SparkSession, told: Told, day: date) -> DataFrame:
    rows = [(a, b, MANUAL_RULE, why, day) for a, b, why in told.ignore_link]
    return small_frame(
        spark, rows, "a_key bigint, b_key bigint, rule string, reason string, day date"
    )


def _looked_at(
    identifiers: DataFrame,
    blocked: DataFrame,
    refused: DataFrame,
    config: IdentityConfig,
    by_hand: DataFrame,
) -> tuple[DataFrame, DataFrame]:
    """id_key of what may have been handed over; and id_key, day of what was, by hand."""
    other = blocked.unionByName(refused.where(F.col("rule") != LIMIT_RULE))
    barred = other.select(F.col("a_key").alias("id_key"))
    by_hand = by_hand.join(barred, "id_key", "left_anti")
    limited = refused.where(F.col("rule") == LIMIT_RULE).select(F.col("a_key").alias("id_key"))
    kinds = F.col("id_type").isin(sorted(config.reassignment))
    guessed = limited.join(identifiers.where(kinds).select("id_key"), "id_key", "left_semi")
    return guessed.unionByName(by_hand.select("id_key")), by_hand


def _holdings(
    near: DataFrame,
    identifiers: DataFrame,
    by_hand: DataFrame,
    config: IdentityConfig,
    timezone: str,
) -> DataFrame:
    """Holdings of what was handed over, by hand or by its evidence."""
    days = by_hand
    if config.reassignment:
        # what is known by hand is not guessed at
        guessed = near.join(by_hand.select("id_key"), "id_key", "left_anti")
        days = days.unionByName(days_of_handover(guessed, config.reassignment, timezone))
    return without_clash(holdings_of(days), identifiers)


def _no_holdings(edges: DataFrame) -> DataFrame:
    schema = "id_key bigint, valid_from date, valid_to date, node bigint"
    return small_frame(edges.sparkSession, [], schema)
