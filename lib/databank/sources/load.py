"""Write staged rows to the tables of core: identifiers, events once each, latest states."""

from collections.abc import Collection

from pyspark.sql import Column, DataFrame, Window, functions as F
from pyspark.storagelevel import StorageLevel

from databank.runs import Context
from databank.sources.formats.base import SourceFormat
from databank.sources.identifiers import strongest
from databank.sources.keys import key_collisions, unknown_identifiers, with_corrected_keys
from databank.sources.load_stats import LoadStats, count_loaded
from databank.sources.states import deliveries, latest_states
from databank.sources.tables import EVENTS, IDENTIFIER, ITEMS, PROFILES, RAW_FILE, REFUSED

_BROADCAST = 4_000_000  # keys of 8 bytes; more of them are joined by a shuffle


def write_core(
    context: Context,
    staged: DataFrame,
    sources: Collection[SourceFormat],
    stats: LoadStats,
    load_id: str,
) -> None:
    """Write the sound rows of a load, and count what reached a table.

    Args:
        context: The run.
        staged: As parse_records gives them.
        sources: Those of the load, whose units raw.file holds.
        stats: Counts of the staged rows; those of the loaded rows are added.
        load_id: Written to the rows.
    """
    store, known = context.store, context.store.read(IDENTIFIER)
    kinds = {each.becomes for each in sources}
    adds = [each.source for each in sources if each.profile == "adds"]
    staged = with_corrected_keys(staged, key_collisions(known))
    unknown, collisions = unknown_identifiers(staged, known, load_id=load_id)
    store.append(IDENTIFIER, unknown, checked=not collisions)
    staged = with_corrected_keys(staged, collisions)
    if stats.refused:
        store.append(REFUSED, refused_identifiers(staged, load_id=load_id), checked=True)
    if "events" in kinds:
        existing = store.read(EVENTS).where(F.col("source").isin(sorted(stats.sound)))
        events = event_rows(staged, load_id=load_id)
        keys = possible_duplicates(events, existing).persist(StorageLevel.MEMORY_AND_DISK)
        n = keys.count()
        new_events = drop_duplicates_by_key(events, existing, keys, n=n)
        if n:
            stats.conflicts.update(count_conflicts(events, existing, keys))
        store.append(EVENTS, new_events, checked=True)
        keys.unpersist()
        count_loaded(stats, store.read(EVENTS).where(F.col("load_id") == load_id))
    for spec, kind in ((PROFILES, "profiles"), (ITEMS, "items")):
        if kind in kinds:
            states = latest_states(
                staged,
                store.read(spec),
                deliveries(store.read(RAW_FILE)),
                spec,
                adds=adds if kind == "profiles" else (),
                load_id=load_id,
            )
            store.upsert(spec, states)
            count_loaded(stats, store.read(spec).where(F.col("load_id") == load_id))


def key_hash() -> Column:
    """Hash (source, event_id), so that only 8 bytes a row travel."""
    return F.xxhash64("source", "event_id").alias("k")


def event_rows(staged: DataFrame, *, load_id: str) -> DataFrame:
    """Select sound staged events under the names of core.events, with file and line."""
    return staged.where("kind = 'events' AND rule IS NULL").select(
        "source",
        F.col("key").alias("event_id"),
        F.col("ts").alias("event_ts"),
        "day",
        "event",
        "terminal",
        "page",
        strongest().alias("id_key"),
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


def possible_duplicates(events: DataFrame, existing: DataFrame) -> DataFrame:
    """Find hashed keys that come more than once, in these events and the table; one row a key.

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

    Rows whose hash comes once pass as they are; the others are compared in full. The row
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


def count_conflicts(events: DataFrame, existing: DataFrame, keys: DataFrame) -> dict[str, int]:
    """Count rows whose event_id another file gave to another event: a key that is none.

    Files that number their rows from 1 do that, and all but the first of them would be taken for
    repeated.

    Args:
        events: As event_rows gives them.
        existing: core.events of the same sources.
        keys: As possible_duplicates gives them.

    Returns:
        Rows by source; no entry for a source without any.
    """
    what = F.xxhash64("event", "event_ts", "item_id", "quantity", "amount", "page", "id_key")
    columns = ("source", "event_id", "file", what.alias("what"))
    repeated = [
        rows.withColumn("k", key_hash()).join(keys, "k", "left_semi").select(*columns)
        for rows in (existing.withColumn("file", F.lit("")), events)
    ]
    known = F.min(F.struct("file", "what")).alias("known")
    first = repeated[0].unionByName(repeated[1]).groupBy("source", "event_id").agg(known)
    rows = repeated[1].join(first, ["source", "event_id"])
    differs = (F.col("file") != F.col("known.file")) & (F.col("what") != F.col("known.what"))
    # a row a source
    counts = rows.where(differs).groupBy("source").count().collect()
    return {row["source"]: row["count"] for row in counts}


def refused_identifiers(staged: DataFrame, *, load_id: str) -> DataFrame:
    """Make rows of identity.refused: texts that sound rows give as an identifier and are none."""
    refusals = staged.where("rule IS NULL").select(F.explode("refused").alias("refusal"))
    by = [F.col(f"refusal.{name}") for name in ("id_key", "id_type", "id_value", "why")]
    return refusals.groupBy(*by).agg(F.count("*").alias("n"), F.lit(load_id).alias("load_id"))
