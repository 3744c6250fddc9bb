"""Attributes of profiles, brought to persons."""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import require_columns
from databank.identity.intervals import holds_on
from databank.tags.config import TagConfig
from databank.tags.values import attribute_column


def person_attributes(
    profiles: DataFrame,
    persons: DataFrame,
    tags: Iterable[TagConfig],
    *,
    as_of: date,
    timezone: str,
) -> DataFrame:
    """The newest non-empty value of each attribute a person has.

    A profile belongs to the person who had its strongest identifier when it was updated. Between
    values of the same instant the higher (source, record_id) wins, so that the order of rows
    never does.

    Args:
        profiles: core.profiles.
        persons: identity.person.
        tags: Tags of kind attribute.
        as_of: Run day; profiles updated later are not seen, one without a time counts as oldest.
        timezone: Business time zone of `as_of`.

    Returns:
        person_id (unique), and per tag its `attribute_column` (string, null = unknown).

    Raises:
        MissingColumnsError: If a column is missing.
    """
    needed = ("source", "record_id", "id_key", "attributes", "updated_ts")
    require_columns(profiles, *needed, where="person_attributes")
    day = F.lit(as_of)
    updated = F.to_date(F.from_utc_timestamp("updated_ts", timezone))
    seen = profiles.where(F.col("updated_ts").isNull() | (updated <= day)).select(*needed)
    # a phone number's old profile is still its first holder's
    said = F.coalesce(updated, day)
    held = persons.select("id_key", "person_id", "valid_from", "valid_to")
    theirs = seen.join(held, "id_key").where(holds_on(said))
    return theirs.groupBy("person_id").agg(*(_newest(tag) for tag in tags))


def _newest(tag: TagConfig) -> Column:
    value = F.nullif(F.trim(F.col("attributes")[str(tag.attribute)]), F.lit(""))
    usable = value.isNotNull()
    if tag.source is not None:
        usable = usable & (F.col("source") == tag.source)
    # null sorts below every time
    order = F.when(usable, F.struct("updated_ts", "source", "record_id"))
    return F.max_by(value, order).alias(attribute_column(tag))
