"""Hubs: identifiers with far more neighbours than is typical of their type.

How many neighbours identifiers have is kept from day to day as a histogram by type
(identity.degrees), so that what is typical is known without counting all of them again.

A customer with fifty cookies has a user id that looks like a hub, and yet is one customer. What the
number of neighbours alone excludes is therefore examined once more when the persons are known, and
released where it ties no strangers together.
"""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F

from databank.identity.components.solve import connected_components
from databank.identity.config import ANY, Limit
from databank.identity.evidence.edges import pairs_with
from databank.identity.exclusions.limits import count_of
from databank.identity.exclusions.verdict import hubs_of
from databank.identity.rules import HUB_RULE
from databank.session import checkpoint, checkpoint_counted

_TYPICAL = 0.99  # of a type's identifiers have no more neighbours than is typical


def count_degrees(stats: DataFrame) -> DataFrame:
    """Count identifiers by id_type and neighbours: the rows of identity.degrees.

    Args:
        stats: id_type, degree; one row per identifier, see `neighbour_stats`.
    """
    columns = "id_type", F.col("degree").alias("neighbours")
    return stats.groupBy(*columns).agg(F.count(F.lit(1)).alias("identifiers"))


def updated_degrees(known: DataFrame, before: DataFrame, after: DataFrame) -> DataFrame:
    """Subtract the old degrees of the affected identifiers and add their new ones."""
    removed = before.withColumn("identifiers", -F.col("identifiers"))
    summed = known.unionByName(removed).unionByName(after).groupBy("id_type", "neighbours")
    return summed.agg(F.sum("identifiers").alias("identifiers")).where("identifiers > 0")


def typical_degrees(degrees: DataFrame) -> DataFrame:
    """Find, by id_type, the degree (typical) that 99 of 100 identifiers do not exceed."""
    typical = F.percentile("neighbours", _TYPICAL, F.col("identifiers")).cast("bigint")
    return degrees.groupBy("id_type").agg(typical.alias("typical"))


def release_hubs(
    labels: DataFrame,
    excluded: DataFrame,
    links: DataFrame,
    identifiers: DataFrame,
    *,
    limits: Mapping[str, Limit],
    scratch: str,
) -> tuple[DataFrame, DataFrame]:
    """Release the hubs that were excluded by mistake.

    It was a mistake if the hub's neighbours are one component without it, or if all their
    components together keep the limits of one person (only where `any` is one of them: strangers
    without an account would pass all others).

    Args:
        labels: id_key (bigint, unique), id_type, component: without what is excluded.
        excluded: Verdicts; those of rule `hub` are examined.
        links: a_key, b_key: all evidence that no other rule takes away.
        identifiers: id_key (bigint, unique), id_type.
        limits: What one person may hold, by type.
        scratch: Where components are solved.

    Returns:
        labels with the released hubs, and the verdicts without them.
    """
    hubs, count = checkpoint_counted(hubs_of(excluded))
    if not count:
        return labels, excluded
    around = checkpoint(_components_around(hubs, links, labels))
    harmless = _harmless_hubs(around, labels, identifiers, limits)
    released, count = checkpoint_counted(harmless)
    if not count:
        return labels, excluded
    # two that are released may have been seen together
    both = links.join(released.toDF("a_key"), "a_key", "left_semi")
    both = both.join(released.toDF("b_key"), "b_key", "left_semi").select("a_key", "b_key")
    tied = around.join(released, "key").select("key", "component").union(both)
    joined = connected_components(tied, src="key", dst="component", scratch=scratch)
    joined = checkpoint(joined.select("id", F.col("component").alias("whole")))
    onward = joined.select(F.col("id").alias("component"), "whole")
    known = labels.join(onward, "component", "left").select(
        "id_key", "id_type", F.coalesce("whole", "component").alias("component")
    )
    back = released.join(joined, F.col("key") == F.col("id")).select(
        F.col("key").alias("id_key"), F.col("whole").alias("component")
    )
    back = back.join(identifiers.select("id_key", "id_type"), "id_key")
    mistaken = released.select(F.col("key").alias("id_key"), F.lit(HUB_RULE).alias("rule"))
    return known.unionByName(back), excluded.join(mistaken, ["id_key", "rule"], "left_anti")


def _components_around(hubs: DataFrame, links: DataFrame, labels: DataFrame) -> DataFrame:
    """List the components among the neighbours of each hub: key, component."""
    around = pairs_with(links, hubs).withColumnRenamed("other", "id_key")
    return around.join(labels, "id_key").select("key", "component").distinct()


def _harmless_hubs(
    around: DataFrame, labels: DataFrame, identifiers: DataFrame, limits: Mapping[str, Limit]
) -> DataFrame:
    """Find the hubs (key) that may be one person with all their neighbours."""
    counts = [count_of(id_type).alias(f"n_{n}") for n, id_type in enumerate(limits)]
    components = around.select("component").distinct()
    inside = labels.join(components, "component", "left_semi").groupBy("component")
    sizes = inside.agg(F.count(F.lit(1)).alias("n"), *counts)
    sums = [F.sum(f"n_{n}").alias(f"n_{n}") for n in range(len(limits))]
    by_hub = around.join(sizes, "component").groupBy("key")
    whole = by_hub.agg(F.count(F.lit(1)).alias("parts"), *sums)
    types = identifiers.select(F.col("id_key").alias("key"), "id_type")
    within = [_within(n, id_type, limit) for n, (id_type, limit) in enumerate(limits.items())]
    keeps = reduce(lambda a, b: a & b, within, F.lit(ANY in limits))
    return whole.join(types, "key").where((F.col("parts") == 1) | keeps).select("key")


def _within(n: int, id_type: str, limit: Limit) -> Column:
    own = F.lit(1) if id_type == ANY else (F.col("id_type") == id_type).cast("int")
    return F.col(f"n_{n}") + own <= limit.most
