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


def event_edges(events: DataFrame) -> DataFrame:
    """Count which identifiers events show together.

    Args:
        events: source, ids (array<bigint>, strongest first), event_ts.

    Returns:
        identity.edges rows, one per a_key, b_key, source and rule `event`.
    """
    return _counted(_star_edges(events, F.col("event_ts"), rule="event"), rule="event")


def profile_edges(profiles: DataFrame) -> DataFrame:
    """Count which identifiers profiles show together; a record counts once, as it is today.

    Args:
        profiles: source, ids (array<bigint>, strongest first), updated_ts.

    Returns:
        identity.edges rows, one per a_key, b_key, source and rule `profile`.
    """
    # records seldom say the same: to count them before they travel is in vain
    star = _star_edges(profiles, F.col("updated_ts"), rule="profile").repartition("a_key", "b_key")
    return _counted(star, rule="profile")


def linkage_edges(pairs: DataFrame, rules: Mapping[str, LinkageRule]) -> DataFrame:
    """Link the identifiers of profiles that are likely one person's.

    Args:
        pairs: identity.likely_pair.
        rules: Those of identity.yml, by name. With a match threshold of its own a rule links what
            is joined at it or higher, else what its last run linked.

    Returns:
        identity.edges rows, one per a_key, b_key, source (the rule's name) and rule `linkage`.
    """
    measures = ("first_ts", "last_ts", "n", "score")
    tests = [(F.col("name") == name) & _is_linked(rule) for name, rule in rules.items()]
    linked = pairs.where(reduce(lambda a, b: a | b, tests, F.lit(False)))
    source, rule = F.col("name").alias("source"), F.lit(LINKAGE_RULE).alias("rule")
    return linked.select("a_key", "b_key", source, rule, *measures)


def _is_linked(rule: LinkageRule) -> Column:
    threshold = rule.match_threshold
    return F.col("linked") if threshold is None else F.col("joined_at") >= threshold


def seen_together(edges: DataFrame) -> DataFrame:
    """Keep the edges of identifiers that were in one record."""
    return edges.where(F.col("rule") != LINKAGE_RULE)


def add_edges(known: DataFrame, fresh: DataFrame) -> DataFrame:
    """Add fresh evidence to the known; gives only the rows that it changes."""
    keys = ["a_key", "b_key", "source", "rule"]
    changed = known.join(fresh.select(*keys), keys, "left_semi")
    return (
        changed.unionByName(fresh)
        .groupBy(*keys)
        .agg(
            F.min("first_ts").alias("first_ts"),
            F.max("last_ts").alias("last_ts"),
            F.sum("n").alias("n"),
            F.first("score").alias("score"),
        )
    )


def pair_of_keys() -> tuple[Column, Column]:
    """Order a_key and b_key, the smaller first: one pair whichever way it was seen."""
    return F.least("a_key", "b_key").alias("a_key"), F.greatest("a_key", "b_key").alias("b_key")


def pairs_with(edges: DataFrame, keys: DataFrame) -> DataFrame:
    """List what identifiers were seen with; pairs may repeat.

    Args:
        edges: a_key, b_key.
        keys: id_key; with the hint to broadcast where they are few.

    Returns:
        key (bigint, an id_key), other.
    """
    wanted = keys.select(F.col("id_key").alias("key"))
    ends = (
        F.struct(F.col(end).alias("key"), F.col(far).alias("other"))
        for end, far in (("a_key", "b_key"), ("b_key", "a_key"))
    )
    both = edges.where("a_key <> b_key").select(F.explode(F.array(*ends)).alias("end"))
    return both.select("end.*").join(wanted, "key", "left_semi")


def ends_of(edges: DataFrame) -> DataFrame:
    """List id_key of both ends of each edge; they repeat."""
    return edges.select(F.explode(F.array("a_key", "b_key")).alias("id_key"))


def _star_edges(records: DataFrame, seen: Column, *, rule: str) -> DataFrame:
    require_columns(records, "source", "ids", where=f"{rule} edges")
    weaker = F.explode(F.slice("ids", 2, F.size("ids"))).alias("b_key")
    strongest = F.col("ids")[0].alias("a_key")
    linking = records.where(F.size("ids") > 1)
    return linking.select("source", seen.alias("seen"), strongest, weaker)


def _counted(pairs: DataFrame, *, rule: str) -> DataFrame:
    return pairs.groupBy("a_key", "b_key", "source", F.lit(rule).alias("rule")).agg(
        F.min("seen").alias("first_ts"),
        F.max("seen").alias("last_ts"),
        F.count("*").alias("n"),
        F.lit(None).cast("double").alias("score"),
    )
