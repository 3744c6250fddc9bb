"""Attach persons to events and profiles: by the strongest identifier that a person has that day."""

from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import business_day, require_columns
from databank.identity.ownership.periods import holds_on
from databank.identity.rules import FORMAT_RULE

# the order of profiles; of the same instant the order of rows does not decide
PROFILE_ORDER = ("updated_ts", "source", "record_id")


def attach_persons(events: DataFrame, persons: DataFrame, excluded: DataFrame) -> DataFrame:
    """Give each event the person it belongs to; events of no person are left out.

    An event goes to the person of its strongest identifier. Where that was excluded (a shared
    device, say), the next ones decide, in their order. Cost: one join on id_key over all
    events, and a second one over the few events whose strongest identifier was excluded.

    Args:
        events: source, event_id (unique together), id_key, ids (strongest first), day, and any
            other columns.
        persons: id_key, person_id, valid_from, valid_to (dates, [from, to), null = open).
        excluded: id_key of identifiers that belong to no person.

    Returns:
        The events' columns and person_id.

    Raises:
        MissingColumnsError: If a column is missing.
    """
    require_columns(events, "source", "event_id", "id_key", "ids", "day", where="attach_persons")
    require_columns(
        persons, "id_key", "person_id", "valid_from", "valid_to", where="attach_persons"
    )
    barred = F.broadcast(excluded.select("id_key").distinct())
    direct = _join(events.join(barred, "id_key", "left_anti"), persons)
    # the rank of the identifier decides, so that the order of rows never does
    shared = (
        events.join(barred, "id_key", "left_semi")
        .withColumn("_row", F.struct(*events.columns))
        .select("_row", "day", F.posexplode("ids").alias("_rank", "id_key"))
    )
    first = (
        _join(shared, persons)
        .groupBy("_row.source", "_row.event_id")
        .agg(F.min_by(F.struct("_row", "person_id"), "_rank").alias("_first"))
    )
    return direct.unionByName(first.select("_first._row.*", "_first.person_id"))


def profiles_of_persons(
    profiles: DataFrame, persons: DataFrame, *, as_of: date, timezone: str
) -> DataFrame:
    """Give each profile the person who had its strongest identifier when it was updated.

    A phone number's old profile is still its first holder's. Profiles of no person are left out.

    Args:
        profiles: core.profiles.
        persons: identity.person.
        as_of: Run day; profiles updated later are not seen, one without a time counts as of today.
        timezone: Business time zone of `as_of`.

    Returns:
        source, record_id, attributes, updated_ts, person_id.

    Raises:
        MissingColumnsError: If a column is missing.
    """
    needed = ("source", "record_id", "id_key", "attributes", "updated_ts")
    require_columns(profiles, *needed, where="profiles_of_persons")
    day = F.lit(as_of)
    updated = business_day("updated_ts", timezone)
    seen = profiles.where(F.col("updated_ts").isNull() | (updated <= day)).select(*needed)
    held = persons.select("id_key", "person_id", "valid_from", "valid_to")
    owned = seen.join(held, "id_key").where(holds_on(F.coalesce(updated, day)))
    return owned.drop("id_key", "valid_from", "valid_to")


def profile_attribute(attribute: str) -> Column:
    """Read an attribute of a profile, without blanks around; null = nothing is stated."""
    return F.nullif(F.trim(F.col("attributes")[attribute]), F.lit(""))


def excluded_identifiers(rejected: DataFrame) -> DataFrame:
    """List the id_key of excluded identifiers; texts that are no identifiers are in no record."""
    alone = rejected.where(F.col("b_key").isNull() & (F.col("rule") != FORMAT_RULE))
    return alone.select(F.col("a_key").alias("id_key"))


def _join(events: DataFrame, persons: DataFrame) -> DataFrame:
    held = persons.select("id_key", "person_id", "valid_from", "valid_to")
    joined = events.join(held, "id_key").where(holds_on(F.col("day")))
    return joined.drop("valid_from", "valid_to")
