"""Ownership periods: the days on which an identifier is a person's, [valid_from, valid_to).

An identifier that passed to another person has several periods. Each is a node of the graph of its
own: the first one by the identifier's key, later ones by a key made of identifier and day.
"""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession, Window, functions as F

from databank.identity.evidence.manual import relabel
from databank.session import small_frame

FOREVER = date(9999, 12, 31)
_SCHEMA = "id_key bigint, valid_from date, valid_to date, node bigint"


def holds_on(day: Column) -> Column:
    """Say whether [valid_from, valid_to) has a day; null = open."""
    begun = F.coalesce(day >= F.col("valid_from"), F.lit(True))
    return begun & F.coalesce(day < F.col("valid_to"), F.lit(True))


def node_key() -> Column:
    """Make the key in the graph of a period (id_key, valid_from)."""
    later = F.xxhash64("id_key", "valid_from")
    return F.when(F.col("valid_from").isNull(), F.col("id_key")).otherwise(later)


def periods_of(days: DataFrame) -> DataFrame:
    """Cut the time of each reassigned identifier into periods.

    Args:
        days: id_key, day of each reassignment; the same may come twice.

    Returns:
        id_key, valid_from (null for the first period), valid_to (null for the last one), node
        (bigint, unique: its key in the graph).
    """
    ends = F.lead("day").over(Window.partitionBy("id_key").orderBy("day"))
    later = days.distinct().select(
        "id_key", F.col("day").alias("valid_from"), ends.alias("valid_to")
    )
    nothing = F.lit(None).cast("date").alias("valid_from")
    first = days.groupBy("id_key").agg(F.min("day").alias("valid_to"))
    rows = first.select("id_key", nothing, "valid_to").unionByName(later)
    return rows.withColumn("node", node_key())


def no_periods(spark: SparkSession) -> DataFrame:
    """Make a frame of periods without rows."""
    return small_frame(spark, [], _SCHEMA)


def without_key_clashes(periods: DataFrame, identifiers: DataFrame) -> DataFrame:
    """Drop the periods of identifiers one of whose new keys is another identifier's key.

    There is one in 10^19 / (identifiers x periods); it stays whole, and is excluded by its limit.
    """
    new = periods.where("valid_from IS NOT NULL").select("id_key", "node")
    taken = identifiers.select(F.col("id_key").alias("node")).join(F.broadcast(new), "node")
    first = F.min("id_key").over(Window.partitionBy("node"))
    twice = new.withColumn("first", first).where("id_key > first")
    clash = taken.select("id_key").unionByName(twice.select("id_key"))
    return periods.join(clash, "id_key", "left_anti")


def with_period_nodes(identifiers: DataFrame, periods: DataFrame) -> DataFrame:
    """List the nodes of the graph: id_key, id_type of identifiers and of their later periods."""
    known = identifiers.select("id_key", "id_type")
    later = periods.where("valid_from IS NOT NULL").select("id_key", "node")
    nodes = known.join(F.broadcast(later), "id_key").select(
        F.col("node").alias("id_key"), "id_type"
    )
    return known.unionByName(nodes)


def links_to_current_periods(links: DataFrame, periods: DataFrame) -> DataFrame:
    """Tie links without a time (a_key, b_key: by hand, by likeness) to the last periods."""
    last = periods.where("valid_to IS NULL")
    return relabel(links, last.select("id_key", "node"), "a_key", "b_key")


def pairs_of_every_period(
    pairs: Sequence[tuple[int, int]], periods: DataFrame
) -> list[tuple[int, int]]:
    """Repeat pairs of keys for each period of their ends; pairs made by hand, so few."""
    keys = {key for pair in pairs for key in pair}
    if not keys:
        return []
    nodes = {key: [key] for key in keys}
    later = periods.where("valid_from IS NOT NULL")
    for key, node in later.where(F.col("id_key").isin(keys)).select("id_key", "node").collect():
        nodes[key].append(node)
    return sorted((min(a, b), max(a, b)) for x, y in pairs for a in nodes[x] for b in nodes[y])


def to_identifiers(rows: DataFrame, periods: DataFrame, *columns: str) -> DataFrame:
    """Translate graph node keys in some columns back to id_key."""
    later = periods.where("valid_from IS NOT NULL")
    return relabel(rows, later.select("node", "id_key"), *columns)
