"""From staged rows to the tables: duplicates and latest states."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window, functions as F

from databank.tables import TableSpec

_BROADCAST = 4_000_000  # keys of 8 bytes; more of them are joined by a shuffle


def key_hash() -> Column:
    """A number for (source, event_id), so that only 8 bytes a row travel."""
    return F.xxhash64("source", "event_id").alias("k")


def event_rows(staged: DataFrame, *, load_id: str) -> DataFrame:
    """Sound staged events under the names of core.events, with file and line."""
    return staged.where("kind = 'events' AND rule IS NULL").select(
        "source",
        F.col("key").alias("event_id"),
        F.col("ts").alias("event_ts"),
        "day",
        "event",
        "terminal",
        "page",
        _strongest(),
        "ids",
        "entity_ids",
        F.col("item").alias("item_id"),
        "quantity",
        "amount",
        "campaign",
        F.col("fields").alias("props"),
        F.lit(load_id).alias("load_id"),
        "file",
        "line",
    )


def _strongest() -> Column:
    return F.when(F.size("ids") > 0, F.col("ids")[0]).alias("id_key")


def possible_duplicates(events: DataFrame, existing: DataFrame) -> DataFrame:
    """Hashed keys that are met more than once, in these events or the table; one row a key.

    Only 8 bytes a row are shuffled.

    Args:
        events: As event_rows gives them.
        existing: source, event_id of what was loaded before.

    Returns:
        k (bigint, unique).
    """
    hashed = events.select(key_hash())
    repeated = hashed.groupBy("k").count().where("count > 1").select("k")
    known = existing.select(key_hash()).join(hashed, "k", "left_semi")
    return repeated.unionByName(known).distinct()


def drop_duplicates_by_key(
    events: DataFrame, existing: DataFrame, keys: DataFrame, *, n: int
) -> DataFrame:
    """Keep each (source, event_id) once, and only if the table does not have it yet.

    Rows whose hash is met once pass as they are; the others are compared in full. The row
    with the smallest event_ts stays, then the first by file and line.

    Args:
        events: As event_rows gives them.
        existing: source, event_id of what was loaded before.
        keys: As possible_duplicates gives them.
        n: How many those are.
    """
    if n == 0:
        return events
    small = F.broadcast(keys) if n <= _BROADCAST else keys
    marked = events.withColumn("k", key_hash())
    possible = marked.join(small, "k", "left_semi")
    tie = F.xxhash64("event", "terminal", "page", "item_id", "quantity", "amount", "campaign")
    order = Window.partitionBy("source", "event_id").orderBy("event_ts", "file", "line", tie)
    first = possible.withColumn("n", F.row_number().over(order)).where("n = 1").drop("n")
    old = existing.select("source", "event_id", key_hash()).join(small, "k", "left_semi")
    fresh = first.join(old.drop("k"), ["source", "event_id"], "left_anti")
    return marked.join(small, "k", "left_anti").unionByName(fresh).drop("k")


def latest_states(
    staged: DataFrame, existing: DataFrame, spec: TableSpec, *, day: date, load_id: str
) -> DataFrame:
    """The latest state of each staged profile or item that is news to the table.

    A state of the same time as the known one counts as news only if it says something else.
    Sources that tell no time are as of the run day.
    """
    _, key = spec.key
    kind = "profiles" if key == "record_id" else "items"
    order = Window.partitionBy("source", "key").orderBy(
        F.desc("ts"), F.desc("file"), F.desc("line"), F.xxhash64(F.to_json("fields"))
    )
    rows = (
        staged.where(F.col("kind") == kind)
        .where("rule IS NULL")
        .withColumn("ts", F.coalesce("ts", F.lit(day).cast("timestamp")))
        .withColumn("n", F.row_number().over(order))
        .where("n = 1")
        .select(
            "source",
            F.col("key").alias(key),
            _strongest(),
            "ids",
            "entity_ids",
            F.col("fields").alias("attributes"),
            F.col("ts").alias("updated_ts"),
            F.lit(load_id).alias("load_id"),
        )
    )
    old = existing.select(
        "source",
        key,
        F.col("updated_ts").alias("old_ts"),
        F.to_json("attributes").alias("old_text"),
    )
    changed = F.to_json("attributes") != F.col("old_text")
    news = F.col("old_ts").isNull() | (F.col("updated_ts") > F.col("old_ts"))
    news = news | ((F.col("updated_ts") == F.col("old_ts")) & changed)
    return rows.join(old, ["source", key], "left").where(news).drop("old_ts", "old_text")


def refused_identifiers(staged: DataFrame, *, load_id: str) -> DataFrame:
    """Rows of identity.refused: what sound rows gave as an identifier and is none."""
    refused = staged.where("rule IS NULL").select(F.explode("refused").alias("one"))
    by = [F.col(f"one.{name}") for name in ("id_key", "id_type", "id_value", "why")]
    return refused.groupBy(*by).agg(F.count("*").alias("n"), F.lit(load_id).alias("load_id"))
