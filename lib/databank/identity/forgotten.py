"""Which persons are gone because somebody asked to erase them."""

from pyspark.sql import DataFrame, functions as F


def forgotten_persons(asked: DataFrame, persons: DataFrame, aliases: DataFrame) -> DataFrame:
    """Persons whose identifiers were erased and that hold none any more.

    Args:
        asked: person_id of those whose identifiers somebody asked to erase; null = nobody's.
        persons: person_id of identity.person of today.
        aliases: old_person_id, person_id of identity.alias.

    Returns:
        person_id, one row each: these persons, and all that were merged into them.
    """
    onward = aliases.select("old_person_id", "person_id").toDF("asked", "survivor")
    named = asked.where("person_id IS NOT NULL").select(F.col("person_id").alias("asked"))
    today = named.distinct().join(onward, "asked", "left")
    gone = today.select(F.coalesce("survivor", "asked").alias("person_id")).distinct()
    gone = gone.join(persons.select("person_id").distinct(), "person_id", "left_anti")
    merged = aliases.join(gone, "person_id", "left_semi").select("old_person_id")
    return gone.union(merged)
