"""Attributes of profiles, brought to persons."""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.identity.attach import PROFILE_ORDER, profile_attribute, profiles_of_persons
from databank.tags.config import TagConfig
from databank.tags.values import input_column


def person_attributes(
    profiles: DataFrame,
    persons: DataFrame,
    tags: Iterable[TagConfig],
    *,
    as_of: date,
    timezone: str,
) -> DataFrame:
    """The value of each attribute that a person is believed to have.

    A profile belongs to the person who had its strongest identifier when it was updated. Of several
    values that of the source named first is believed, then the newest, or the one that most
    profiles say (and of these the newest). Between values of the same instant the higher (source,
    record_id) wins, so that the order of rows never does.

    Args:
        profiles: core.profiles.
        persons: identity.person.
        tags: Tags of kind attribute.
        as_of: Run day; profiles updated later are not seen, one without a time counts as oldest.
        timezone: Business time zone of `as_of`.

    Returns:
        person_id (unique), and per tag its `input_column` (string, null = unknown).

    Raises:
        MissingColumnsError: If a column is missing.
    """
    theirs = profiles_of_persons(profiles, persons, as_of=as_of, timezone=timezone)
    tags = list(tags)
    newest = [tag for tag in tags if tag.prefer != "most frequent"]
    frequent = [tag for tag in tags if tag.prefer == "most frequent"]
    # a person without any profile has no row in either
    found = theirs.groupBy("person_id").agg(*(_newest(tag) for tag in newest), F.lit(1).alias("_"))
    if frequent:
        found = found.join(_most_frequent(theirs, frequent), "person_id", "left")
    return found.drop("_")


def _newest(tag: TagConfig) -> Column:
    # null sorts below every time
    order = F.when(_usable(tag), F.struct(_trust(tag), *PROFILE_ORDER))
    return F.max_by(_value(tag), order).alias(input_column(tag))


def _most_frequent(profiles: DataFrame, tags: list[TagConfig]) -> DataFrame:
    """person_id and a column per tag; one more shuffle for all of them."""
    entries = F.array_compact(
        F.array(
            *(
                F.when(
                    _usable(tag),
                    F.struct(
                        F.lit(tag.name).alias("tag"),
                        _value(tag).alias("value"),
                        _trust(tag).alias("trust"),
                        F.struct(*PROFILE_ORDER).alias("age"),
                    ),
                )
                for tag in tags
            )
        )
    )
    profile_attribute = profiles.select("person_id", F.inline(entries))
    values = profile_attribute.groupBy("person_id", "tag", "trust", "value").agg(
        F.count("*").alias("n"), F.max("age").alias("age")
    )
    order = F.struct("trust", "n", "age")
    return values.groupBy("person_id").agg(
        *(
            F.max_by("value", F.when(F.col("tag") == tag.name, order)).alias(input_column(tag))
            for tag in tags
        )
    )


def _value(tag: TagConfig) -> Column:
    return profile_attribute(str(tag.attribute))


def _usable(tag: TagConfig) -> Column:
    known = _value(tag).isNotNull()
    return known & F.col("source").isin(*tag.sources) if tag.sources else known


def _trust(tag: TagConfig) -> Column:
    """The more the earlier a source is named."""
    trust = F.lit(0)
    for rank, source in enumerate(reversed(tag.sources), 1):
        trust = F.when(F.col("source") == source, F.lit(rank)).otherwise(trust)
    return trust.alias("trust")
