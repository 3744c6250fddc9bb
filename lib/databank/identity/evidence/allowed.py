"""Which evidence may link: without what is excluded, with what is known by hand, in its periods."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import IdentityConfig
from databank.identity.evidence.edges import seen_together
from databank.identity.evidence.manual import (
    ManualRules,
    blocked_identifiers,
    collapse_forced_pairs,
)
from databank.identity.exclusions.limits import neighbour_stats
from databank.identity.exclusions.verdict import (
    REJECTED_LINK,
    excluded_by_evidence,
    periods_over_limit,
    without_excluded,
)
from databank.identity.ownership.periods import (
    links_to_current_periods,
    no_periods,
    periods_of,
    with_period_nodes,
    without_key_clashes,
)
from databank.identity.ownership.reassignment import (
    neighbours_by_period,
    observations,
    reassignment_days,
    split_links,
)
from databank.identity.rules import LIMIT_RULE, LINKAGE_RULE, MANUAL_RULE
from databank.session import checkpoint, checkpoint_counted, small_frame

_LINK = ("a_key", "b_key", "rule", "n", "first_ts", "last_ts", "score")


@dataclass(frozen=True)
class Inputs:
    """What persons are made from.

    Attributes:
        edges: identity.edges.
        identifiers: identity.identifier, those of persons.
        config: identity.yml.
        manual: Its rules made by hand, as keys.
        day: Run day: windows end with it.
        timezone: Business time zone, in which identifiers are reassigned.
    """

    edges: DataFrame
    identifiers: DataFrame
    config: IdentityConfig
    manual: ManualRules
    day: date
    timezone: str


class Measured(NamedTuple):
    """Evidence without what is taken away by hand, and how many neighbours identifiers have in it.

    Attributes:
        links: identity.edges rows that neither a block nor ignore_link cuts.
        blocked: Verdicts on what is blocked.
        stats: See `neighbour_stats`.
    """

    links: DataFrame
    blocked: DataFrame
    stats: DataFrame


class Evidence(NamedTuple):
    """What the components are made of; keys are those of nodes, see `ownership.periods`.

    Attributes:
        links: identity.edges rows that no manual rule cut, and the links made by hand.
        nodes: id_key, id_type: identifiers, and later periods of what was reassigned.
        excluded: Verdicts (id_key, rule, reason): nodes that must not link.
        ignored: a_key, b_key, rule, reason of links that are wrong by hand.
        periods: id_key, valid_from, valid_to, node of what was reassigned.
    """

    links: DataFrame
    nodes: DataFrame
    excluded: DataFrame
    ignored: DataFrame
    periods: DataFrame


def measure_evidence(inputs: Inputs, *, only: DataFrame | None = None) -> Measured:
    """Take away what is blocked or ignored by hand, and count the neighbours that are left.

    Args:
        inputs: The evidence and its rules.
        only: id_key of those whose neighbours are counted; None = all.
    """
    config, manual = inputs.config, inputs.manual
    blocked = blocked_identifiers(inputs.identifiers, config.block)
    blocked = checkpoint(blocked) if config.block else blocked
    spark = inputs.edges.sparkSession
    wrong = small_frame(spark, manual.ignore_link, "low bigint, high bigint, why string")
    low, high = F.least("a_key", "b_key"), F.greatest("a_key", "b_key")
    ignored = (low == F.col("low")) & (high == F.col("high"))
    links = without_excluded(inputs.edges.join(F.broadcast(wrong), ignored, "left_anti"), blocked)
    stats = neighbour_stats(
        # likeness is no observation: no limit counts it
        collapse_forced_pairs(seen_together(links), manual.must_link),
        inputs.identifiers,
        limits=config.limits,
        day=inputs.day,
        every=config.hub_factor is not None,
    )
    if only is not None:
        stats = stats.join(only.select("id_key"), "id_key", "left_semi")
    # with hubs they are read twice: for what is typical, and for who exceeds it
    return Measured(links, blocked, stats if config.hub_factor is None else checkpoint(stats))


def allow_evidence(inputs: Inputs, measured: Measured, typical: DataFrame | None) -> Evidence:
    """Exclude what identity.yml excludes, cut time into ownership periods, add links by hand.

    Args:
        inputs: As `measure_evidence` was given.
        measured: What it gave.
        typical: As `typical_degrees` gives it; None where there are no hubs.
    """
    config, manual, timezone = inputs.config, inputs.manual, inputs.timezone
    seen = seen_together(measured.links)
    links = seen.select(*_LINK)
    untimed = _links_without_time(measured.links, manual)
    excluded = excluded_by_evidence(
        measured.stats,
        hub_factor=config.hub_factor,
        typical=typical,
        exempt=manual.forced_keys(),
    )
    nodes, periods = inputs.identifiers.select("id_key", "id_type"), no_periods(seen.sparkSession)
    reassigned = 0
    if config.reassignment or manual.reassigned:
        excluded = checkpoint(excluded)
        observed, periods, reassigned = _ownership(inputs, measured, excluded)
    if reassigned:
        links = split_links(links, observed, periods, timezone)
        nodes = with_period_nodes(nodes, periods)
        untimed = links_to_current_periods(untimed, periods)
        again = _excluded_periods(inputs, observed, periods)
        whole = F.broadcast(periods.select("id_key").distinct())
        excluded = excluded.join(whole, "id_key", "left_anti").unionByName(again)
    wrong = [(a, b, MANUAL_RULE, why) for a, b, why in manual.ignore_link]
    return Evidence(
        links=links.unionByName(untimed),
        nodes=nodes,
        excluded=checkpoint(measured.blocked.unionByName(excluded)),
        ignored=small_frame(seen.sparkSession, wrong, REJECTED_LINK),
        periods=periods,
    )


def _links_without_time(links: DataFrame, manual: ManualRules) -> DataFrame:
    """Links that hold today and not at a time: by likeness, and by hand."""
    likely = links.where(F.col("rule") == LINKAGE_RULE).select(*_LINK)
    rows = [(a, b, MANUAL_RULE, 1) for a, b in manual.must_link]
    schema = "a_key bigint, b_key bigint, rule string, n bigint"
    by_hand = small_frame(links.sparkSession, rows, schema)
    return likely.unionByName(by_hand, allowMissingColumns=True)


def _ownership(
    inputs: Inputs, measured: Measured, excluded: DataFrame
) -> tuple[DataFrame, DataFrame, int]:
    """Find what was reassigned: its observations, its periods, and how many periods there are."""
    config, spark = inputs.config, excluded.sparkSession
    by_hand = small_frame(spark, inputs.manual.reassigned, "id_key bigint, day date")
    over_limit = F.col("rule") == LIMIT_RULE
    barred = measured.blocked.unionByName(excluded.where(~over_limit)).select("id_key")
    by_hand = by_hand.join(barred, "id_key", "left_anti")
    # an identifier within its limits is not examined
    of_type = F.col("id_type").isin(sorted(config.reassignment))
    guessed = inputs.identifiers.where(of_type).select("id_key")
    guessed = excluded.where(over_limit).select("id_key").join(guessed, "id_key", "left_semi")
    candidates = guessed.unionByName(by_hand.select("id_key"))
    observed = observations(seen_together(measured.links), inputs.identifiers, candidates)
    days = by_hand
    if config.reassignment:
        # what is known by hand is not guessed
        unknown = observed.join(by_hand.select("id_key"), "id_key", "left_anti")
        days = days.unionByName(reassignment_days(unknown, config.reassignment, inputs.timezone))
    periods = without_key_clashes(periods_of(days), inputs.identifiers)
    return observed, *checkpoint_counted(periods)


def _excluded_periods(inputs: Inputs, observed: DataFrame, periods: DataFrame) -> DataFrame:
    """Exclude the periods that break a limit on their own."""
    forced = sorted(inputs.manual.forced_keys())
    free = periods.where(~F.col("id_key").isin(forced)) if forced else periods
    # neighbours that must be one person count as one
    pairs = observed.withColumnsRenamed({"id_key": "a_key", "with": "b_key"})
    pairs = collapse_forced_pairs(pairs, inputs.manual.must_link)
    pairs = pairs.withColumnsRenamed({"a_key": "id_key", "b_key": "with"})
    neighbours = neighbours_by_period(pairs, free, inputs.timezone)
    return periods_over_limit(neighbours, inputs.config.limits, inputs.day)
