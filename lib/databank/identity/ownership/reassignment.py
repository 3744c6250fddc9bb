"""Reassignment: identifiers that pass from one person to another, a phone number given up, say.

Two persons' evidence on one identifier looks like sharing, and a limit would exclude it. But
evidence has time: an identifier that fell silent and then came with another user id was the first
person's until that day and is the second one's from it on. Each of these times is an ownership
period (see `periods`), and periods are what the graph links.

Only the first and last sight of each pair are known, so a silence is a time in which no pair of the
identifier can have been seen: who comes before and after it never has one owner.
"""

from collections.abc import Mapping

from pyspark.sql import DataFrame, Window, functions as F

from databank.columns import business_day, require_columns
from databank.identity.config import Reassignment
from databank.identity.ownership.periods import holds_on
from databank.session import checkpoint, checkpoint_keys


def observations(links: DataFrame, identifiers: DataFrame, candidates: DataFrame) -> DataFrame:
    """List what some identifiers were seen with; computed once, for they are few.

    Args:
        links: a_key, b_key (bigint), first_ts, last_ts (timestamps, UTC); a link without a time
            was not observed.
        identifiers: id_key (bigint, unique), id_type.
        candidates: id_key.

    Returns:
        id_key, id_type, with (bigint, the other identifier), with_type, first_ts, last_ts; one row
        per link.

    Raises:
        MissingColumnsError: If a frame lacks a column named above.
    """
    require_columns(links, "a_key", "b_key", "first_ts", "last_ts", where="observations: links")
    require_columns(identifiers, "id_key", "id_type", where="observations: identifiers")
    types = identifiers.select("id_key", "id_type")
    typed = types.join(F.broadcast(candidates.select("id_key").distinct()), "id_key")
    seen = links.where("a_key <> b_key AND first_ts IS NOT NULL")
    ends = F.explode(
        F.array(
            F.struct(F.col("a_key").alias("id_key"), F.col("b_key").alias("with")),
            F.struct(F.col("b_key").alias("id_key"), F.col("a_key").alias("with")),
        )
    ).alias("end")
    both = seen.select(ends, "first_ts", "last_ts").select("end.*", "first_ts", "last_ts")
    pairs = checkpoint_keys(both.join(F.broadcast(typed), "id_key"))
    return checkpoint(types.toDF("with", "with_type").join(pairs, "with"))


def reassignment_days(
    observed: DataFrame, rules: Mapping[str, Reassignment], timezone: str
) -> DataFrame:
    """Find the days on which identifiers came to another person, by their evidence.

    The evidence of an identifier falls into stretches between silences. A stretch with an owner (a
    user id, say) begins a period if an earlier stretch had an owner of the same type.

    Args:
        observed: As `observations` gives it.
        rules: By type, how long the silence is and which types are owners.
        timezone: Business time zone of the days.

    Returns:
        id_key, day: one row per identifier and reassignment.
    """
    silent_days = F.create_map(
        *(F.lit(x) for kind, r in rules.items() for x in (kind, r.silent_days))
    )
    to = F.create_map(*(F.lit(x) for kind, r in rules.items() for x in (kind, list(r.to))))
    is_owner = F.array_contains(to[F.col("id_type")], F.col("with_type"))
    # one shuffle serves all that follows
    pairs = (
        observed.where(F.col("id_type").isin(sorted(rules)))
        .repartition("id_key")
        .groupBy("id_key", "id_type", "with")
        .agg(
            F.min(business_day("first_ts", timezone)).alias("first"),
            F.max(business_day("last_ts", timezone)).alias("last"),
            F.first(F.when(is_owner, F.col("with_type"))).alias("owner"),
        )
    )
    in_order = Window.partitionBy("id_key").orderBy("first", "last", "with")
    before = in_order.rowsBetween(Window.unboundedPreceding, -1)
    quiet = F.datediff("first", F.max("last").over(before)) >= silent_days[F.col("id_type")]
    begins = F.coalesce(quiet, F.lit(False)).cast("int")
    stretches = (
        pairs.withColumn("begins", begins)
        .withColumn("stretch", F.sum("begins").over(in_order))
        .groupBy("id_key", "stretch")
        .agg(F.min("first").alias("day"), F.collect_set("owner").alias("types"))
    )
    earlier = Window.partitionBy("id_key").orderBy("stretch")
    had = F.flatten(
        F.collect_list("types").over(earlier.rowsBetween(Window.unboundedPreceding, -1))
    )
    # a card after a user id may well be the same person's
    reassigned = stretches.withColumn("had", had).where(F.arrays_overlap("types", "had"))
    return reassigned.select("id_key", "day")


def neighbours_by_period(observed: DataFrame, periods: DataFrame, timezone: str) -> DataFrame:
    """List the neighbours of each period: id_key (its node), id_type, neighbour_type, last_ts.

    Args:
        observed: As `observations` gives it.
        periods: As `periods_of` gives them.
        timezone: Business time zone of the days.
    """
    return _by_period(observed, periods, timezone).select(
        F.col("node").alias("id_key"), "id_type", F.col("with_type").alias("neighbour_type"),
        "last_ts",
    )  # fmt: skip


def split_links(
    links: DataFrame, observed: DataFrame, periods: DataFrame, timezone: str
) -> DataFrame:
    """Replace each end of a link by the period in which the pair was first seen.

    A pair that a source shows again after a reassignment known by hand is old evidence.

    Args:
        links: a_key, b_key and any other columns.
        observed: As `observations` gives it, of all reassigned identifiers.
        periods: As `periods_of` gives them.
        timezone: Business time zone of the days.
    """
    later = _by_period(observed, periods, timezone).where("valid_from IS NOT NULL")
    for end, far in (("a", "b"), ("b", "a")):
        columns = ("id_key", f"{end}_key"), ("with", f"{far}_key"), ("node", f"{end}_node")
        nodes = later.select(*(F.col(name).alias(to) for name, to in columns))
        links = links.join(F.broadcast(nodes), ["a_key", "b_key"], "left")
    ends = {f"{end}_key": F.coalesce(f"{end}_node", f"{end}_key") for end in "ab"}
    return links.withColumns(ends).drop("a_node", "b_node")


def _by_period(observed: DataFrame, periods: DataFrame, timezone: str) -> DataFrame:
    """List each pair of a reassigned identifier with the period in which it began."""
    pairs = observed.groupBy("id_key", "id_type", "with", "with_type").agg(
        F.min(business_day("first_ts", timezone)).alias("began"), F.max("last_ts").alias("last_ts")
    )
    return pairs.join(F.broadcast(periods), "id_key").where(holds_on(F.col("began")))
