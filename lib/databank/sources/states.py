"""Profiles and items have one row a record: its newest state, or what its states add up to."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, functions as F

from databank.sources.identifiers import no_keys, strongest
from databank.tables import TableSpec

_STATE = ("ids", "entity_ids", "attributes", "updated_ts")
_ORDER = ("updated_ts", "modified", "file", "line", "text")


def deliveries(files: DataFrame) -> DataFrame:
    """Tell when each unit was delivered; a state that has no time is as old as its delivery.

    Args:
        files: raw.file.

    Returns:
        source, file (together unique); delivered: begin of the day whose run read it; modified:
        when the file was last changed.
    """
    day = F.to_timestamp(F.substring("load_id", 1, 8), "yyyyMMdd")
    read = files.where("status = 'ok'").groupBy("source", "file")
    return read.agg(F.max(day).alias("delivered"), F.max("modified").alias("modified"))


def latest_states(
    staged: DataFrame,
    existing: DataFrame,
    delivered: DataFrame,
    spec: TableSpec,
    *,
    adds: Iterable[str],
    load_id: str,
) -> DataFrame:
    """Select the states of staged profiles or items that change what the table holds.

    Of the states of a record the one with the latest time counts, then that of the file that was
    changed last, then by name of the file and line. In sources that add up, each attribute keeps
    its latest value, and identifiers gather. A state of the same time as the known one counts as
    newer only if its attributes differ.

    Args:
        staged: As parse_records gives them.
        existing: The table as it is.
        delivered: As deliveries gives them.
        spec: core.profiles or core.items.
        adds: Sources whose states add up.
        load_id: Written to the rows.

    Returns:
        Rows of the table; one row a record.
    """
    _, key = spec.key
    kind = "profiles" if key == "record_id" else "items"
    states = (
        staged.where(F.col("kind") == kind)
        .where("rule IS NULL")
        .join(F.broadcast(delivered), ["source", "file"], "left")
        .select(
            "source",
            F.col("key").alias(key),
            "ids",
            "entity_ids",
            F.col("fields").alias("attributes"),
            F.coalesce("ts", "delivered").alias("updated_ts"),
            *("modified", "file", "line"),
            F.to_json("fields").alias("text"),
        )
    )
    held = [name for name in _STATE if name in existing.columns]  # items have no identifiers
    known = existing.select("source", key, F.struct(*held).alias("old"))
    of_adds = F.col("source").isin(sorted(adds))
    newest = _newest(states.where(~of_adds), key).join(known, ["source", key], "left")
    rows = newest.where(_is_newer())
    if adds:
        added = _added_up(states.where(of_adds), existing, key)
        rows = rows.unionByName(added.join(known, ["source", key], "left").where(_is_other()))
    return rows.drop("old").withColumns({"id_key": strongest(), "load_id": F.lit(load_id)})


def _newest(states: DataFrame, key: str) -> DataFrame:
    newest = F.max_by(F.struct(*_STATE), F.struct(*_ORDER)).alias("state")
    return states.groupBy("source", key).agg(newest).select("source", key, "state.*")


def _is_newer() -> Column:
    """Tell whether a state is later than the old one, or of its time with other attributes."""
    changed = F.to_json("attributes") != F.to_json("old.attributes")
    same_time = F.col("updated_ts") == F.col("old.updated_ts")
    later = F.col("updated_ts") > F.col("old.updated_ts")
    return F.col("old").isNull() | later | (same_time & changed)


# ---- sources whose states add up


def _added_up(states: DataFrame, existing: DataFrame, key: str) -> DataFrame:
    """Put all states of a record on top of each other in the order of their times.

    What the table holds is one more of them, so that a state that comes late fills only what is
    not known yet.
    """
    old = existing.join(states.select("source", key).distinct(), ["source", key], "left_semi")
    others = {name: F.lit(None) for name in _ORDER if name != "updated_ts"}
    old = old.select("source", key, *_STATE).withColumns(others)
    entries = F.map_entries("attributes").alias("entries")  # maps cannot be put in order
    state = F.struct(*_ORDER, "ids", "entity_ids", entries)
    sorted_states = F.sort_array(F.collect_list(state)).alias("states")
    latest = F.max("updated_ts").alias("updated_ts")
    rows = states.unionByName(old).groupBy("source", key).agg(sorted_states, latest)
    entity_ids = _ids_of_states("entity_ids")
    return rows.select(
        *("source", key, "updated_ts"),
        _ids_of_states("ids").alias("ids"),
        F.when(F.size(entity_ids) > 0, entity_ids).alias("entity_ids"),
        _attributes_of_states().alias("attributes"),
    )


def _attributes_of_states() -> Column:
    def put_on(sum_: Column, state: Column) -> Column:
        new = F.map_from_entries(state["entries"])
        rest = F.map_filter(sum_, lambda name, _: ~F.map_contains_key(new, name))
        return F.map_concat(rest, new)

    nothing = F.create_map().cast("map<string,string>")
    # sorted, so that the same attributes are the same text
    return F.map_from_entries(F.array_sort(F.map_entries(F.aggregate("states", nothing, put_on))))


def _ids_of_states(name: str) -> Column:
    """Gather identifiers, those of the latest state first."""
    return F.aggregate(
        "states",
        no_keys(),
        lambda ids, state: F.array_distinct(F.concat(F.coalesce(state[name], no_keys()), ids)),
    )


def _is_other() -> Column:
    return (
        F.col("old").isNull()
        | (F.col("updated_ts") > F.col("old.updated_ts"))
        | (F.to_json("attributes") != F.to_json("old.attributes"))
        | (F.col("ids") != F.col("old.ids"))
    )
