"""Who is one person: components of what may link, cut where a person would hold too much."""

from collections.abc import Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.identity.components.solve import connected_components
from databank.identity.config import IdentityConfig
from databank.identity.exclusions.cuts import Rules, cut_persons
from databank.identity.exclusions.hubs import release_junk
from databank.identity.exclusions.limits import without
from databank.identity.incremental.scope import Part
from databank.identity.ownership.reassignment import of_every_holding
from databank.identity.rules import HUB_RULE
from databank.runs import Context
from databank.session import checkpoint


class Solved(NamedTuple):
    """Who is one person in a part, before names are given; keys are those of nodes.

    Attributes:
        components: id_key, component.
        rejected: identity.rejected rows.
        junk: identity.junk rows.
    """

    components: DataFrame
    rejected: DataFrame
    junk: DataFrame


def solve_part(
    context: Context, config: IdentityConfig, part: Part, cannot_link: Sequence[tuple[int, int]]
) -> Solved:
    """Connect what may link, give back junk that ties nobody to strangers, cut what is too much.

    Args:
        context: The run.
        config: identity.yml.
        part: What is solved.
        cannot_link: Pairs of identifiers that are never one person.
    """
    evidence, refused = part.evidence, part.evidence.refused
    context.progress.step("connecting identifiers")
    found = connected_components(
        without(evidence.links, refused).select("a_key", "b_key"),
        src="a_key",
        dst="b_key",
        scratch=context.store.scratch("components"),
        local_budget=config.tuning.local_edges,
        engine=config.engine,
    )
    labels = checkpoint(_everyone(found, evidence.nodes, refused))
    context.progress.step("cutting persons that hold too much")
    if config.hub_factor is not None:
        labels, refused = _with_released(context, config, part, labels)
    junk = _judged_junk(evidence.refused, refused)
    pairs = of_every_holding(cannot_link, evidence.holdings)
    if not config.persons and not pairs:
        return Solved(labels, refused, junk)
    rules = Rules(config.persons, pairs, config.identifiers, context.day)
    whole, cut = cut_persons(labels, without(evidence.links, refused), rules)
    return Solved(whole, refused.unionByName(cut), junk)


def _everyone(found: DataFrame, nodes: DataFrame, refused: DataFrame) -> DataFrame:
    """id_key, id_type, component of all that is not refused; who has no link is alone.

    A join costs less than a loop for each identifier in the graph, and brings the types along.
    """
    alone = F.col("id_key") == F.col("a_key")
    kept = nodes.join(refused.where("b_key IS NULL"), alone, "left_anti")
    named = kept.select("id_key", "id_type").join(
        found.withColumnRenamed("id", "id_key"), "id_key", "full"
    )
    return named.select("id_key", "id_type", F.coalesce("component", "id_key").alias("component"))


def _with_released(
    context: Context, config: IdentityConfig, part: Part, labels: DataFrame
) -> tuple[DataFrame, DataFrame]:
    """Labels with the junk that comes back, and all that is refused without it."""
    evidence, refused, outside = part.evidence, part.evidence.refused, part.met_outside
    looked_at = refused
    if outside is not None:
        looked_at = refused.join(outside, "a_key", "left_anti")
    labels, left = release_junk(
        labels,
        looked_at,
        evidence.links,
        evidence.nodes,
        limits=config.persons,
        scratch=context.store.scratch("released"),
    )
    if outside is not None:
        left = left.unionByName(refused.join(outside, "a_key", "left_semi"))
    return labels, left


def _judged_junk(before: DataFrame, after: DataFrame) -> DataFrame:
    """identity.junk rows, of what was refused before some of it was released and after."""
    key = F.col("a_key").alias("id_key")
    aside = after.where(F.col("rule") == HUB_RULE).select(key, F.lit(False).alias("released"))
    unusual = before.where(F.col("rule") == HUB_RULE).select(key)
    joined = unusual.join(aside, "id_key", "left")
    return joined.select("id_key", F.coalesce("released", F.lit(True)).alias("released"))
