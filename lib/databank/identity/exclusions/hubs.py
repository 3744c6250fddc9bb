"""Identifiers set aside as junk come back where they tie no strangers together after all.

A customer with fifty cookies has an unusual user id, and yet is one customer. What is told
from the number of neighbours alone is therefore looked at once more when the persons are known.
"""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F

from databank.identity.components.solve import connected_components
from databank.identity.config import ANY, Limit
from databank.identity.evidence.edges import pairs_with
from databank.identity.exclusions.limits import held_of
from databank.identity.rules import HUB_RULE
from databank.session import checkpoint

_USUAL = 0.99  # of a type's identifiers have no more neighbours than is usual


def count_degrees(judged: DataFrame) -> DataFrame:
    """One row per id_type and neighbours: identifiers, how many there are.

    Args:
        judged: kind, degree; one row per identifier, see `judge_identifiers`.
    """
    columns = F.col("kind").alias("id_type"), F.col("degree").alias("neighbours")
    return judged.groupBy(*columns).agg(F.count(F.lit(1)).alias("identifiers"))


def move_degrees(known: DataFrame, before: DataFrame, after: DataFrame) -> DataFrame:
    """Degrees brought up to date by those of some identifiers, before and after a change."""
    gone = before.withColumn("identifiers", -F.col("identifiers"))
    moved = known.unionByName(gone).unionByName(after).groupBy("id_type", "neighbours")
    return moved.agg(F.sum("identifiers").alias("identifiers")).where("identifiers > 0")


def usual_degrees(degrees: DataFrame) -> DataFrame:
    """One row per id_type: usual, the degree that 99 of 100 identifiers do not exceed."""
    usual = F.percentile("neighbours", _USUAL, F.col("identifiers")).cast("bigint")
    return degrees.groupBy("id_type").agg(usual.alias("usual"))


def release_junk(
    labels: DataFrame,
    rejected: DataFrame,
    edges: DataFrame,
    identifiers: DataFrame,
    *,
    limits: Mapping[str, Limit],
    scratch: str,
) -> tuple[DataFrame, DataFrame]:
    """Give back what was set aside as junk by mistake.

    It was a mistake if the identifier's neighbours are one component without it, or if all their
    components together keep the limits of one person (only where `any` is one of them: strangers
    without an account would pass all others).

    Args:
        labels: id_key (bigint, unique), id_type, component: without what was set aside.
        rejected: identity.rejected rows; those of rule `junk` are looked at.
        edges: a_key, b_key: all evidence that is not refused by other rules.
        identifiers: id_key (bigint, unique), id_type.
        limits: What one person may hold, by type.
        scratch: Where components are solved.

    Returns:
        labels with what was released, and rejected without it.
    """
    junk = rejected.where(F.col("rule") == HUB_RULE).select(F.col("a_key").alias("key"))
    if junk.isEmpty():
        return labels, rejected
    links = checkpoint(_components_around(junk, edges, labels))
    free = checkpoint(_harmless(links, labels, identifiers, limits))
    if free.isEmpty():
        return labels, rejected
    # two that are released may have met each other
    both = edges.join(free.toDF("a_key"), "a_key", "left_semi")
    both = both.join(free.toDF("b_key"), "b_key", "left_semi").select("a_key", "b_key")
    tied = links.join(free, "key").select("key", "component").union(both)
    joined = connected_components(tied, src="key", dst="component", scratch=scratch)
    joined = checkpoint(joined.select("id", F.col("component").alias("whole")))
    onward = joined.select(F.col("id").alias("component"), "whole")
    known = labels.join(onward, "component", "left").select(
        "id_key", "id_type", F.coalesce("whole", "component").alias("component")
    )
    back = free.join(joined, F.col("key") == F.col("id")).select(
        F.col("key").alias("id_key"), F.col("whole").alias("component")
    )
    back = back.join(identifiers.select("id_key", "id_type"), "id_key")
    mistaken = free.select(F.col("key").alias("a_key"), F.lit(HUB_RULE).alias("rule"))
    return known.unionByName(back), rejected.join(mistaken, ["a_key", "rule"], "left_anti")


def _components_around(junk: DataFrame, edges: DataFrame, labels: DataFrame) -> DataFrame:
    """One row per junk identifier and component among its neighbours: key, component."""
    around = pairs_with(edges, junk.toDF("id_key")).withColumnRenamed("other", "id_key")
    return around.join(labels, "id_key").select("key", "component").distinct()


def _harmless(
    links: DataFrame, labels: DataFrame, identifiers: DataFrame, limits: Mapping[str, Limit]
) -> DataFrame:
    """Keys of the junk identifiers that may stay with all their neighbours: key."""
    counts = [held_of(kind).alias(f"n_{n}") for n, kind in enumerate(limits)]
    touched = links.select("component").distinct()
    inside = labels.join(touched, "component", "left_semi").groupBy("component")
    held = inside.agg(F.count(F.lit(1)).alias("n"), *counts)
    sums = [F.sum(f"n_{n}").alias(f"n_{n}") for n in range(len(limits))]
    around = links.join(held, "component").groupBy("key")
    whole = around.agg(F.count(F.lit(1)).alias("parts"), *sums)
    kinds = identifiers.select(F.col("id_key").alias("key"), F.col("id_type").alias("kind"))
    typed = whole.join(kinds, "key")
    within = [_within(n, kind, limit) for n, (kind, limit) in enumerate(limits.items())]
    keeps = reduce(lambda a, b: a & b, within, F.lit(ANY in limits))
    return typed.where((F.col("parts") == 1) | keeps).select("key")


def _within(n: int, kind: str, limit: Limit) -> Column:
    own = F.lit(1) if kind == ANY else (F.col("kind") == kind).cast("int")
    return F.col(f"n_{n}") + own <= limit.most
