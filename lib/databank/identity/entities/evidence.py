"""Evidence of entities: persons that were seen with identifiers of entities."""

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import business_day
from databank.identity.attach import attach_persons


def entity_evidence(
    events: DataFrame,
    profiles: DataFrame,
    persons: DataFrame,
    excluded: DataFrame,
    *,
    timezone: str,
) -> DataFrame:
    """Collect the persons whose records name an address, a landline, an account.

    A record counts for the person who owned its identifier on its day. Cost: a scan of the columns
    that name identifiers (files without such a one are skipped by their statistics), a shuffle of
    what is left by identifiers and day, and the joins of `attach_persons` on that.

    Args:
        events: core.events.
        profiles: core.profiles.
        persons: identity.person.
        excluded: id_key of excluded identifiers.
        timezone: Business time zone, which the days of profiles follow.

    Returns:
        person_id, id_key, n (records), last_ts (timestamp, UTC), last_day (of the business): one
        row per person and identifier.
    """
    updated = business_day("updated_ts", timezone)
    seen = _seen(events, F.col("event_ts"), F.col("day")).unionByName(
        _seen(profiles, F.col("updated_ts"), updated)
    )
    pair = ["ids", "named", "day"]
    counted = seen.groupBy(*pair).agg(F.count("*").alias("n"), F.max("seen").alias("last_ts"))
    text = F.concat_ws(" ", F.col("ids").cast("array<string>"), "named", F.col("day"))
    records = counted.select(
        F.lit("").alias("source"),
        text.alias("event_id"),
        F.get("ids", F.lit(0)).alias("id_key"),
        *(*pair, "n", "last_ts"),
    )
    attached = attach_persons(records, persons, excluded)
    return attached.groupBy("person_id", F.col("named").alias("id_key")).agg(
        F.sum("n").alias("n"),
        F.max("last_ts").alias("last_ts"),
        F.max("day").alias("last_day"),
    )


def _seen(records: DataFrame, seen: Column, day: Column) -> DataFrame:
    """Explode the identifiers of entities: ids, named (one of them), seen, day."""
    naming = records.where("entity_ids IS NOT NULL AND id_key IS NOT NULL")
    named = F.explode("entity_ids").alias("named")
    return naming.select("ids", named, seen.alias("seen"), day.alias("day"))
