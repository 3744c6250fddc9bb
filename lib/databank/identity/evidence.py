"""Which evidence may link: what is refused, what is told by hand, what holds for a time only."""

from datetime import date
from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import HAND, IdentityConfig
from databank.identity.guards.hand import blocked_nodes, keys_of, known_keys, one_by_hand
from databank.identity.guards.limits import LIMIT, refuse_identifiers, refuse_nodes, without
from databank.identity.handovers import (
    days_of_handover,
    holdings_of,
    links_of_today,
    neighbours_of,
    sightings,
    split_links,
    with_nodes,
    without_clash,
)
from databank.session import checkpoint, small_frame


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


def allowed_evidence(
    edges: DataFrame, identifiers: DataFrame, config: IdentityConfig, *, day: date, timezone: str
) -> Evidence:
    """Take from the evidence what identity.yml refuses, and add what it tells.

    Args:
        edges: identity.edges.
        identifiers: identity.identifier.
        config: identity.yml.
        day: Run day: windows end with it.
        timezone: Business time zone, in which identifiers are handed over.
    """
    spark = edges.sparkSession
    blocked = blocked_nodes(identifiers, config.block, day=day)
    cut = keys_of(identifiers, config.unlink)
    unlinked = small_frame(spark, cut, "a_key bigint, b_key bigint, reason string")
    by_hand = unlinked.select(
        "a_key", "b_key", F.lit(HAND).alias("rule"), "reason", F.lit(day).alias("day")
    )
    pair = (F.least("a_key", "b_key"), F.greatest("a_key", "b_key"))
    wrong = F.broadcast(unlinked.toDF("one", "other", "why"))
    same = (pair[0] == F.col("one")) & (pair[1] == F.col("other"))
    seen = without(edges.join(wrong, same, "left_anti"), blocked)
    joined = [(a, b, HAND) for a, b, _ in keys_of(identifiers, config.together)]
    counted = one_by_hand(seen, joined)
    refused = refuse_identifiers(
        counted, identifiers, limits=config.limits, junk=config.junk, day=day
    )
    ends = [key for a, b, _ in joined for key in (a, b)]
    refused = refused.where(~F.col("a_key").isin(ends)) if ends else refused
    made = small_frame(spark, joined, "a_key bigint, b_key bigint, rule string")
    made = made.withColumn("n", F.lit(1).cast("bigint"))
    links = seen.select("a_key", "b_key", "rule", "n", "first_ts", "last_ts")
    nodes, holdings = identifiers.select("id_key", "id_type"), _no_holdings(edges)
    if config.handed_over or config.passed_on:
        refused = checkpoint(refused)
        whole, known = _looked_at(identifiers, blocked, refused, config, day)
        near = sightings(seen, identifiers, whole)
        holdings = checkpoint(_holdings(near, identifiers, known, config, timezone))
    if not holdings.isEmpty():
        links, nodes = split_links(links, near, holdings, timezone), with_nodes(nodes, holdings)
        made = links_of_today(made, holdings)
        split = F.broadcast(holdings.select(F.col("id_key").alias("a_key")).distinct())
        # what is one person by hand keeps no limit, and counts as one
        free = holdings.where(~F.col("id_key").isin(ends)) if ends else holdings
        met = near.withColumnsRenamed({"id_key": "a_key", "with": "b_key"})
        met = one_by_hand(met, joined).withColumnsRenamed({"a_key": "id_key", "b_key": "with"})
        again = refuse_nodes(neighbours_of(met, free, timezone), config.limits, day)
        refused = refused.join(split, "a_key", "left_anti").unionByName(again)
    links = links.unionByName(made, allowMissingColumns=True)
    parts = (blocked, refused, by_hand)
    return Evidence(links, nodes, checkpoint(reduce(DataFrame.unionByName, parts)), holdings)


def _looked_at(
    identifiers: DataFrame,
    blocked: DataFrame,
    refused: DataFrame,
    config: IdentityConfig,
    day: date,
) -> tuple[DataFrame, DataFrame]:
    """id_key of what may have been handed over; and id_key, day of what was, by hand."""
    keys = known_keys(identifiers, config.passed_on)
    # what is to come is not yet so
    told = [
        (keys[one.names()], one.day)
        for one in config.passed_on
        if one.names() in keys and one.day <= day
    ]
    by_hand = small_frame(identifiers.sparkSession, told, "id_key bigint, day date")
    other = blocked.unionByName(refused.where(F.col("rule") != LIMIT))
    barred = other.select(F.col("a_key").alias("id_key"))
    by_hand = by_hand.join(barred, "id_key", "left_anti")
    limited = refused.where(F.col("rule") == LIMIT).select(F.col("a_key").alias("id_key"))
    kinds = F.col("id_type").isin(sorted(config.handed_over))
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
    if config.handed_over:
        # what is known by hand is not guessed at
        guessed = near.join(by_hand.select("id_key"), "id_key", "left_anti")
        days = days.unionByName(days_of_handover(guessed, config.handed_over, timezone))
    return without_clash(holdings_of(days), identifiers)


def _no_holdings(edges: DataFrame) -> DataFrame:
    schema = "id_key bigint, valid_from date, valid_to date, node bigint"
    return small_frame(edges.sparkSession, [], schema)
