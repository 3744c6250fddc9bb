"""Identifiers that leave the bank: asked for, carried out by the next ingest, not taken in again.

What is kept of them is the key, a hash: without it, old records that arrive once more would bring
them back.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import reduce
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import business_day
from databank.runs import Context, Job, StepResult
from databank.session import checkpoint, checkpoint_keys, small_frame
from databank.sources.tables import ERASED, ERASURE, EVENTS, IDENTIFIER, PROFILES
from databank.tables import Store, TableSpec

MARK = "erased_identifier"  # the warning of a record that named one


class Erasure(NamedTuple):
    """An identifier that leaves the records of a period of days.

    Attributes:
        id_key: The identifier.
        valid_from: First day of the period; None = from the beginning.
        until: Last day.
        whole: Whether all of its person is meant: records that are this identifier's first of all
            then lose what others they name, too.
    """

    id_key: int
    valid_from: date | None
    until: date
    whole: bool = False


class Requests(NamedTuple):
    """What the job request_erasure is given."""

    erasures: tuple[Erasure, ...]


def request_erasure(context: Context, config: Requests) -> StepResult:
    """Take down what is to be erased."""
    rows = [(*one, context.day, context.run_id) for one in config.erasures]
    context.store.append(ERASURE, context.store.small(ERASURE, rows))
    return StepResult({"identifiers": len({one.id_key for one in config.erasures})})


REQUEST_JOB = Job(
    name="request_erasure", step=request_erasure, tables=(ERASURE,), latest_only=False, always=True
)


def due(store: Store) -> list[Erasure]:
    """What was asked for and not carried out; made by hand, so all of it comes to the driver."""
    return sorted(_listed(store, ERASURE) - _listed(store, ERASED), key=repr)


def carried_out(store: Store) -> list[Erasure]:
    """What was erased and is not taken in again."""
    return sorted(_listed(store, ERASED), key=repr)


def _listed(store: Store, table: TableSpec) -> set[Erasure]:
    return {Erasure(*row) for row in store.read(table).select(*Erasure._fields).collect()}


def kept_keys(day: Column, erased: Collection[Erasure]) -> dict[str, Column]:
    """ids and entity_ids of a record without those that are erased from records of its day.

    A record without a day is of any. One whose strongest identifier goes with its person keeps
    none, for it is about nobody else; nor does one that keeps none of a person's.
    """

    def goes(key: Column, erased: Collection[Erasure]) -> Column:
        tests = [F.lit(False)]
        for start, until in sorted({(e.valid_from, e.until) for e in erased}, key=str):
            keys = [e.id_key for e in erased if (e.valid_from, e.until) == (start, until)]
            meant = day <= F.lit(until)
            meant = meant if start is None else meant & (day >= F.lit(start))
            tests.append(key.isin(keys) & F.coalesce(meant, F.lit(True)))
        return reduce(lambda one, other: one | other, tests)

    whole = [one for one in erased if one.whole]
    theirs = goes(F.get("ids", F.lit(0)), whole)
    rest = F.filter("ids", lambda key: ~goes(key, erased))
    rest = F.when(theirs, _nothing()).otherwise(rest)
    of_entities = F.filter("entity_ids", lambda key: ~goes(key, erased))
    # what a record tells of an erased person, by whichever identifier, is not kept for others
    told = F.exists("ids", lambda key: goes(key, whole))
    of_entities = F.when(~told & (F.size(rest) > 0) & (F.size(of_entities) > 0), of_entities)
    had = _had()
    keys = sorted({e.id_key for e in erased})
    named = F.exists(_all_keys(had), lambda key: key.isin(keys))
    # by far the most records name none, and are asked no more
    return {
        "ids": F.when(named, rest).otherwise(had["ids"]),
        "entity_ids": F.when(named, of_entities).otherwise(had["entity_ids"]),
    }


def names_erased(kept: Mapping[str, Column]) -> Column:
    """Whether a record has identifiers that `kept_keys` leaves out."""
    return F.size(_all_keys(kept)) < F.size(_all_keys(_had()))


def _nothing() -> Column:
    return F.array().cast("array<bigint>")


def _had() -> dict[str, Column]:
    return {name: F.col(name) for name in ("ids", "entity_ids")}


def _all_keys(record: Mapping[str, Column]) -> Column:
    return F.concat(record["ids"], F.coalesce(record["entity_ids"], _nothing()))


def without_erased(staged: DataFrame, erased: Collection[Erasure]) -> DataFrame:
    """Staged rows that name no erased identifier; those that did are marked in `warned`."""
    if not erased:
        return staged
    kept = kept_keys(F.col("day"), erased)
    fewer = names_erased(kept)
    left = _all_keys(kept)
    identifiers = F.filter("identifiers", lambda one: F.array_contains(left, one["id_key"]))
    told = F.concat("warned", F.array(F.lit(MARK)))
    nobody = fewer & (F.size(kept["ids"]) == 0)
    changed = {
        "warned": F.when(fewer, told).otherwise(F.col("warned")),
        "identifiers": F.when(fewer, identifiers).otherwise(F.col("identifiers")),
        **{name: F.when(~nobody, F.col(name)) for name in ("fields", "page")},
        # a profile of nobody tells nothing
        "rule": F.when(nobody & (F.col("kind") == "profiles"), F.lit(MARK)).otherwise(
            F.col("rule")
        ),
        **kept,
    }
    return staged.withColumns(changed)


def erase_from_core(context: Context, erased: Collection[Erasure]) -> dict[str, int]:
    """Take identifiers from core.events, core.profiles and identity.identifier.

    An event that nothing is left of to tell whose it was stays, without its other fields, so that
    sums of money and pieces stay what they were; such a profile goes.

    Returns:
        How many records lost one, for the short table.
    """
    store, keys = context.store, ["source", "record_id"]
    events = _lacking(store.read(EVENTS), kept_keys(F.col("day"), erased))
    nobody = F.size("ids") == 0
    blank = {name: F.when(~nobody, F.col(name)) for name in ("props", "page")}
    events = checkpoint(events.withColumns(blank))
    updated = business_day("updated_ts", context.settings.timezone)
    profiles = checkpoint(_lacking(store.read(PROFILES), kept_keys(updated, erased)))
    counts = {"events": events.count(), "profiles": profiles.count()}
    if counts["events"]:
        store.upsert(EVENTS, events)
    if counts["profiles"]:
        store.upsert(PROFILES, profiles.where(~nobody))
        gone = profiles.where(nobody).select(*keys)
        store.delete(PROFILES, gone, " AND ".join(f"target.{k} = source.{k}" for k in keys))
    _forget_values(store, erased)
    return counts


def note_erased(context: Context, erased: Iterable[Erasure]) -> None:
    """Write to identity.erased what was carried out."""
    rows = [(*one, context.run_id) for one in erased]
    context.store.append(ERASED, context.store.small(ERASED, rows))


def _lacking(records: DataFrame, kept: Mapping[str, Column]) -> DataFrame:
    """Records that lose an identifier, without it."""
    strongest = F.get(kept["ids"], F.lit(0))
    return records.where(names_erased(kept)).withColumns({**kept, "id_key": strongest})


def _forget_values(store: Store, erased: Collection[Erasure]) -> None:
    """Remove from identity.identifier what no record shows any more, entities' included."""
    keys = [(one.id_key,) for one in erased]
    known = store.read(IDENTIFIER).where("entity").select("id_key")
    asked = checkpoint_keys(small_frame(store.spark, keys, "id_key bigint").union(known).distinct())
    every = F.explode(_all_keys(_had())).alias("id_key")
    shown = store.read(EVENTS).select(every).union(store.read(PROFILES).select(every))
    shown = shown.join(asked, "id_key", "left_semi")
    gone = asked.join(shown, "id_key", "left_anti")
    store.delete(IDENTIFIER, checkpoint(gone), "target.id_key = source.id_key")
