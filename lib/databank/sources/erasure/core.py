"""What erasures leave of records: their remaining identifiers, in a load and in core."""

from collections.abc import Collection, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import business_day
from databank.runs import Context
from databank.session import checkpoint, checkpoint_keys, small_frame
from databank.sources.erasure.request import Erasure
from databank.sources.identifiers import no_keys
from databank.sources.tables import EVENTS, IDENTIFIER, PROFILES
from databank.tables import Store

MARK = "erased_identifier"  # the warning of a record that names one


def remaining_keys(day: Column, erasures: Collection[Erasure]) -> dict[str, Column]:
    """Compute ids and entity_ids of a record without those that erasures take from its day.

    A record without a day belongs to every period. A record whose strongest identifier goes with
    its entire person keeps no identifier, for it is about this person; a record that keeps no
    identifier of a person keeps none of an entity.
    """

    def is_erased(key: Column, erasures: Collection[Erasure]) -> Column:
        conditions = [F.lit(False)]
        for start, until in sorted({(e.valid_from, e.until) for e in erasures}, key=str):
            keys = [e.id_key for e in erasures if (e.valid_from, e.until) == (start, until)]
            in_period = day <= F.lit(until)
            in_period = in_period if start is None else in_period & (day >= F.lit(start))
            conditions.append(key.isin(keys) & F.coalesce(in_period, F.lit(True)))
        return reduce(lambda a, b: a | b, conditions)

    entire = [erasure for erasure in erasures if erasure.entire_person]
    about_erased_person = is_erased(F.get("ids", F.lit(0)), entire)
    ids = F.filter("ids", lambda key: ~is_erased(key, erasures))
    ids = F.when(about_erased_person, no_keys()).otherwise(ids)
    entity_ids = F.filter("entity_ids", lambda key: ~is_erased(key, erasures))
    # what a record says about an erased person, by whichever identifier, is not kept for others
    names_erased_person = F.exists("ids", lambda key: is_erased(key, entire))
    kept = ~names_erased_person & (F.size(ids) > 0) & (F.size(entity_ids) > 0)
    entity_ids = F.when(kept, entity_ids)
    present = _present_keys()
    keys = sorted({erasure.id_key for erasure in erasures})
    names_any = F.exists(_all_keys(present), lambda key: key.isin(keys))
    # most records name no erased identifier: the periods are evaluated for the others only
    return {
        "ids": F.when(names_any, ids).otherwise(present["ids"]),
        "entity_ids": F.when(names_any, entity_ids).otherwise(present["entity_ids"]),
    }


def loses_keys(remaining: Mapping[str, Column]) -> Column:
    """Tell whether a record has identifiers that `remaining_keys` leaves out."""
    return F.size(_all_keys(remaining)) < F.size(_all_keys(_present_keys()))


def without_erased(staged: DataFrame, erasures: Collection[Erasure]) -> DataFrame:
    """Take erased identifiers out of staged rows; rows that named one are marked in `warned`."""
    remaining = remaining_keys(F.col("day"), erasures)
    loses, keys = loses_keys(remaining), _all_keys(remaining)
    identifiers = F.filter("identifiers", lambda each: F.array_contains(keys, each["id_key"]))
    marked = F.concat("warned", F.array(F.lit(MARK)))
    anonymous = loses & (F.size(remaining["ids"]) == 0)
    # a profile without a person is of no use
    useless = anonymous & (F.col("kind") == "profiles")
    changed = {
        "warned": F.when(loses, marked).otherwise(F.col("warned")),
        "identifiers": F.when(loses, identifiers).otherwise(F.col("identifiers")),
        **{name: F.when(~anonymous, F.col(name)) for name in ("fields", "page")},
        "rule": F.when(useless, F.lit(MARK)).otherwise(F.col("rule")),
        **remaining,
    }
    return staged.withColumns(changed)


def erase_from_core(context: Context, erasures: Collection[Erasure]) -> dict[str, int]:
    """Take identifiers from core.events, core.profiles and identity.identifier.

    An event that is left without identifiers stays, without its other fields, so that sums of
    money and pieces stay what they were; such a profile goes.

    Returns:
        How many records lost an identifier, for the short table.
    """
    store, keys = context.store, ["source", "record_id"]
    events = _reduced(store.read(EVENTS), remaining_keys(F.col("day"), erasures))
    anonymous = F.size("ids") == 0
    blank = {name: F.when(~anonymous, F.col(name)) for name in ("props", "page")}
    events = checkpoint(events.withColumns(blank))
    updated = business_day("updated_ts", context.settings.timezone)
    profiles = checkpoint(_reduced(store.read(PROFILES), remaining_keys(updated, erasures)))
    counts = {"events": events.count(), "profiles": profiles.count()}
    if counts["events"]:
        store.upsert(EVENTS, events)
    if counts["profiles"]:
        store.upsert(PROFILES, profiles.where(~anonymous))
        gone = profiles.where(anonymous).select(*keys)
        store.delete(PROFILES, gone, " AND ".join(f"target.{k} = source.{k}" for k in keys))
    _delete_unnamed(store, erasures)
    return counts


def _reduced(records: DataFrame, remaining: Mapping[str, Column]) -> DataFrame:
    """Select the records that lose an identifier, without it."""
    strongest = F.get(remaining["ids"], F.lit(0))
    return records.where(loses_keys(remaining)).withColumns({**remaining, "id_key": strongest})


def _delete_unnamed(store: Store, erasures: Collection[Erasure]) -> None:
    """Remove from identity.identifier what no record names any more, entities' included."""
    keys = [(erasure.id_key,) for erasure in erasures]
    of_entities = store.read(IDENTIFIER).where("entity").select("id_key")
    erased = small_frame(store.spark, keys, "id_key bigint")
    candidates = checkpoint_keys(erased.union(of_entities).distinct())
    every = F.explode(_all_keys(_present_keys())).alias("id_key")
    named = store.read(EVENTS).select(every).union(store.read(PROFILES).select(every))
    named = named.join(candidates, "id_key", "left_semi")
    gone = candidates.join(named, "id_key", "left_anti")
    store.delete(IDENTIFIER, checkpoint(gone), "target.id_key = source.id_key")


def all_keys() -> Column:
    """Give all keys that a record of core, or a staged row, names."""
    return _all_keys(_present_keys())


def _present_keys() -> dict[str, Column]:
    return {name: F.col(name) for name in ("ids", "entity_ids")}


def _all_keys(record: Mapping[str, Column]) -> Column:
    return F.concat(record["ids"], F.coalesce(record["entity_ids"], no_keys()))
