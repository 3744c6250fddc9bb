"""Evidence: which identifiers were seen together in a record.

A record of k identifiers gives k - 1 edges, from its strongest identifier to each of the others
(a star): linear in the data, never the pairs of a shared value.
"""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import require_columns
from databank.identity.linkage.config import LinkageRule
from databank.identity.rules import LINKAGE_RULE
from databank.session import hinted


def event_edges(events: DataFrame) -> DataFrame:
    """Evidence of events.

    Args:
        events: source, ids (array<bigint>, strongest first), event_ts.

    Returns:
        identity.edges rows, one per a_key, b_key, source and rule `event`.
    """
    return _counted(_rays(events, F.col("event_ts"), rule="event"), rule="event")


def profile_edges(profiles: DataFrame) -> DataFrame:
    """Evidence of profiles: a record says what it says today, so it counts once.

    Args:
        profiles: source, ids (array<bigint>, strongest first), updated_ts.

    Returns:
        identity.edges rows, one per a_key, b_key, source and rule `profile`.
    """
    # records seldom say the same: to count them before they travel is in vain
    rays = _rays(profiles, F.col("updated_ts"), rule="profile").repartition("a_key", "b_key")
    return _counted(rays, rule="profile")


def linkage_edges(pairs: DataFrame, rules: Mapping[str, LinkageRule]) -> DataFrame:
    """Evidence of profiles that are likely one person's.

    Args:
        pairs: identity.likely_pair.
        rules: Those of identity.yml, by name; what is less likely than one demands is no evidence.

    Returns:
        identity.edges rows, one per a_key, b_key, source (the rule's name) and rule `linkage`.
    """
    measures = ("first_ts", "last_ts", "n", "score")
    tests = [(F.col("name") == n) & (F.col("score") >= r.match_threshold) for n, r in rules.items()]
    linked = pairs.where(reduce(lambda one, other: one | other, tests, F.lit(False)))
    source, rule = F.col("name").alias("source"), F.lit(LINKAGE_RULE).alias("rule")
    return linked.select("a_key", "b_key", source, rule, *measures)


def seen_together(edges: DataFrame) -> DataFrame:
    """Edges of identifiers that were in one record."""
    return edges.where(F.col("rule") != LINKAGE_RULE)


def add_edges(known: DataFrame, fresh: DataFrame) -> DataFrame:
    """Known evidence brought up to date by fresh evidence; only rows with fresh evidence."""
    keys = ["a_key", "b_key", "source", "rule"]
    touched = known.join(fresh.select(*keys), keys, "left_semi")
    return (
        touched.unionByName(fresh)
        .groupBy(*keys)
        .agg(
            F.min("first_ts").alias("first_ts"),
            F.max("last_ts").alias("last_ts"),
            F.sum("n").alias("n"),
            F.first("score").alias("score"),
        )
    )


def pair_of_keys() -> tuple[Column, Column]:
    """a_key and b_key, the smaller first: the same pair whichever way it was seen."""
    return F.least("a_key", "b_key").alias("a_key"), F.greatest("a_key", "b_key").alias("b_key")


def pairs_with(edges: DataFrame, keys: DataFrame) -> DataFrame:
    """key (bigint, one of the id_key given), other: what it was seen with; pairs may repeat."""
    wanted = hinted(keys.select(F.col("id_key").alias("key")))
    ends = (
        F.struct(F.col(end).alias("key"), F.col(far).alias("other"))
        for end, far in (("a_key", "b_key"), ("b_key", "a_key"))
    )
    both = edges.where("a_key <> b_key").select(F.explode(F.array(*ends)).alias("end"))
    return both.select("end.*").join(wanted, "key", "left_semi")


def ends_of(edges: DataFrame) -> DataFrame:
    """id_key of both ends of each edge; they repeat."""
    return edges.select(F.explode(F.array("a_key", "b_key")).alias("id_key"))


def _rays(records: DataFrame, seen: Column, *, rule: str) -> DataFrame:
    require_columns(records, "source", "ids", where=f"{rule} edges")
    rays = F.explode(F.slice("ids", 2, F.size("ids"))).alias("b_key")
    first = F.col("ids")[0].alias("a_key")
    return records.where(F.size("ids") > 1).select("source", seen.alias("seen"), first, rays)


def _counted(rays: DataFrame, *, rule: str) -> DataFrame:
    return rays.groupBy("a_key", "b_key", "source", F.lit(rule).alias("rule")).agg(
        F.min("seen").alias("first_ts"),
        F.max("seen").alias("last_ts"),
        F.count("*").alias("n"),
        F.lit(None).cast("double").alias("score"),
    )
