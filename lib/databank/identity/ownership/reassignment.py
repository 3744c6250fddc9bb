"""Identifiers that pass from one person to another: a phone number given up, a device sold.

Two persons' evidence on one identifier looks like sharing, and a limit would set it aside. But
evidence has time: an identifier that fell silent and then came with another user id was the first
person's until that day and is the second one's from it on. Each of these times is a holding, and
holdings are what the graph links: the first one by the identifier's own key, later ones by a key
made of identifier and day.

Only first and last sight of each pair are known, so a silence is a time in which no pair of the
identifier can have been seen: who comes before and after it never has one holder.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, Window, functions as F

from databank.columns import require_columns
from databank.identity.config import Reassignment
from databank.identity.evidence.manual import renamed
from databank.identity.ownership.periods import holds_on
from databank.session import checkpoint, hinted

FOREVER = date(9999, 12, 31)


def node_key() -> Column:
    """The key in the graph of a holding (id_key, valid_from)."""
    later = F.xxhash64("id_key", "valid_from")
    return F.when(F.col("valid_from").isNull(), F.col("id_key")).otherwise(later)


def sightings(links: DataFrame, identifiers: DataFrame, looked_at: DataFrame) -> DataFrame:
    """What some identifiers were seen with; computed once, for they are few.

    Args:
        links: a_key, b_key (bigint), first_ts, last_ts (timestamps, UTC); without a time it is no
            sighting.
        identifiers: id_key (bigint, unique), id_type.
        looked_at: id_key.

    Returns:
        id_key, id_type, with (bigint, the other identifier), of (its type), first_ts, last_ts; one
        row per link.

    Raises:
        MissingColumnsError: If a frame lacks a column named above.
    """
    require_columns(links, "a_key", "b_key", "first_ts", "last_ts", where="sightings: links")
    require_columns(identifiers, "id_key", "id_type", where="sightings: identifiers")
    types = identifiers.select("id_key", "id_type")
    ours = types.join(F.broadcast(looked_at.select("id_key").distinct()), "id_key")
    seen = links.where("a_key <> b_key AND first_ts IS NOT NULL")
    ends = F.explode(
        F.array(
            F.struct(F.col("a_key").alias("id_key"), F.col("b_key").alias("with")),
            F.struct(F.col("b_key").alias("id_key"), F.col("a_key").alias("with")),
        )
    ).alias("end")
    both = seen.select(ends, "first_ts", "last_ts").select("end.*", "first_ts", "last_ts")
    met = checkpoint(both.join(F.broadcast(ours), "id_key"))
    return checkpoint(types.toDF("with", "of").join(hinted(met), "with"))


def days_of_handover(
    seen: DataFrame, rules: Mapping[str, Reassignment], timezone: str
) -> DataFrame:
    """Days on which an identifier came to another person, told by its evidence.

    The evidence of an identifier falls into stretches between silences. A stretch with a holder (a
    user id, say) begins a holding if an earlier stretch had one of the same type.

    Args:
        seen: As `sightings` gives them.
        rules: By type, how long the silence is and which types are holders.
        timezone: Business time zone of the days.

    Returns:
        id_key, day: one row per identifier and handover.
    """
    silence = F.create_map(*(F.lit(x) for kind, r in rules.items() for x in (kind, r.silent_days)))
    to = F.create_map(*(F.lit(x) for kind, r in rules.items() for x in (kind, list(r.to))))
    holder = F.when(F.array_contains(to[F.col("id_type")], F.col("of")), F.col("of"))
    # one shuffle serves all that follows
    pairs = (
        seen.where(F.col("id_type").isin(sorted(rules)))
        .repartition("id_key")
        .groupBy("id_key", "id_type", "with")
        .agg(
            F.min(_day("first_ts", timezone)).alias("first"),
            F.max(_day("last_ts", timezone)).alias("last"),
            F.first(holder).alias("holder"),
        )
    )
    in_order = Window.partitionBy("id_key").orderBy("first", "last", "with")
    before = in_order.rowsBetween(Window.unboundedPreceding, -1)
    quiet = F.datediff("first", F.max("last").over(before)) >= silence[F.col("id_type")]
    begins = F.coalesce(quiet, F.lit(False)).cast("int")
    stretches = (
        pairs.withColumn("begins", begins)
        .withColumn("stretch", F.sum("begins").over(in_order))
        .groupBy("id_key", "stretch")
        .agg(F.min("first").alias("day"), F.collect_set("holder").alias("types"))
    )
    earlier = Window.partitionBy("id_key").orderBy("stretch")
    had = F.flatten(
        F.collect_list("types").over(earlier.rowsBetween(Window.unboundedPreceding, -1))
    )
    # a card after a user id may well be the same person's
    told = stretches.withColumn("had", had).where(F.arrays_overlap("types", "had"))
    return told.select("id_key", "day")


def holdings_of(days: DataFrame) -> DataFrame:
    """One row per holding of each identifier that was handed over.

    Args:
        days: id_key, day of each handover; the same may come twice.

    Returns:
        id_key, valid_from (null for the first holding), valid_to (null for the last one), node
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


def without_clash(holdings: DataFrame, identifiers: DataFrame) -> DataFrame:
    """Holdings of all but the identifiers one of whose new keys is another identifier's key.

    There is one in 10^19 / (identifiers x holdings); it stays whole, and is set aside as before.
    """
    new = holdings.where("valid_from IS NOT NULL").select("id_key", "node")
    other = identifiers.select(F.col("id_key").alias("node")).join(F.broadcast(new), "node")
    first = F.min("id_key").over(Window.partitionBy("node"))
    twice = new.withColumn("first", first).where("id_key > first")
    clash = other.select("id_key").unionByName(twice.select("id_key"))
    return holdings.join(clash, "id_key", "left_anti")


def neighbours_of(seen: DataFrame, holdings: DataFrame, timezone: str) -> DataFrame:
    """What each holding was seen with: key (its node), kind, of and last, a row a neighbour.

    Args:
        seen: As `sightings` gives them.
        holdings: As `holdings_of` gives them.
        timezone: Business time zone of the days.
    """
    placed = _placed(seen, holdings, timezone)
    return placed.select(F.col("node").alias("key"), F.col("id_type").alias("kind"), "of", "last")


def split_links(links: DataFrame, seen: DataFrame, holdings: DataFrame, timezone: str) -> DataFrame:
    """Links by holdings: each end is the one in which the pair was first seen.

    A pair that a source shows again after a handover known by hand is old news.

    Args:
        links: a_key, b_key and any other columns.
        seen: As `sightings` gives them, of all that was handed over.
        holdings: As `holdings_of` gives them.
        timezone: Business time zone of the days.
    """
    moved = _placed(seen, holdings, timezone).where("valid_from IS NOT NULL")
    for end, other in (("a", "b"), ("b", "a")):
        columns = ("id_key", f"{end}_key"), ("with", f"{other}_key"), ("node", f"{end}_node")
        found = moved.select(*(F.col(name).alias(to) for name, to in columns))
        links = links.join(F.broadcast(found), ["a_key", "b_key"], "left")
    ends = {f"{end}_key": F.coalesce(f"{end}_node", f"{end}_key") for end in "ab"}
    return links.withColumns(ends).drop("a_node", "b_node")


def _placed(seen: DataFrame, holdings: DataFrame, timezone: str) -> DataFrame:
    """A row for each pair of an identifier that was handed over, with the holding it began in."""
    pairs = seen.groupBy("id_key", "id_type", "with", "of").agg(
        F.min(_day("first_ts", timezone)).alias("began"), F.max("last_ts").alias("last")
    )
    return pairs.join(F.broadcast(holdings), "id_key").where(holds_on(F.col("began")))


def links_of_today(links: DataFrame, holdings: DataFrame) -> DataFrame:
    """Links made by hand (a_key, b_key): what is said today is about the last holding."""
    last = holdings.where("valid_to IS NULL")
    return renamed(links, last.select("id_key", "node"), "a_key", "b_key")


def with_nodes(identifiers: DataFrame, holdings: DataFrame) -> DataFrame:
    """id_key, id_type of all identifiers and of the later holdings' keys."""
    known = identifiers.select("id_key", "id_type")
    later = holdings.where("valid_from IS NOT NULL").select("id_key", "node")
    nodes = known.join(F.broadcast(later), "id_key").select(
        F.col("node").alias("id_key"), "id_type"
    )
    return known.unionByName(nodes)


def of_every_holding(
    pairs: Sequence[tuple[int, int]], holdings: DataFrame
) -> list[tuple[int, int]]:
    """Pairs of keys, once for each holding of their ends; pairs made by hand, so few."""
    keys = {key for pair in pairs for key in pair}
    nodes = {key: [key] for key in keys}
    later = holdings.where("valid_from IS NOT NULL")
    for key, node in later.where(F.col("id_key").isin(keys)).select("id_key", "node").collect():
        nodes[key].append(node)
    return sorted((min(a, b), max(a, b)) for x, y in pairs for a in nodes[x] for b in nodes[y])


def as_identifiers(rows: DataFrame, holdings: DataFrame, *columns: str) -> DataFrame:
    """Rows whose columns name nodes, as what was given names identifiers."""
    later = holdings.where("valid_from IS NOT NULL")
    return renamed(rows, later.select("node", "id_key"), *columns)


def _day(name: str, timezone: str) -> Column:
    return F.to_date(F.from_utc_timestamp(name, timezone))
