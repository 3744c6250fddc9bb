"""What an erasure means for persons: who is forgotten, and what no longer says whose it was."""

from pyspark.sql import DataFrame, functions as F

from databank.sources.tables import ERASED
from databank.tables import Store


def erased_since(store: Store, since: int | None) -> DataFrame:
    """identity.erased rows that came after a version of it; None or -1 = all."""
    rows = store.read(ERASED)
    if since is None or since < 0:
        return rows
    return rows.exceptAll(store.read_version(ERASED, since))


def without_erased(persons: DataFrame, erased: DataFrame) -> DataFrame:
    """Rows of identity.person of which nothing was erased.

    Args:
        persons: identity.person.
        erased: identity.erased rows: id_key, valid_from (null = from the beginning), until.
    """
    meets = (F.col("gone") == F.col("id_key")) & (
        F.coalesce(F.col("since") < F.col("valid_to"), F.lit(True))
        & F.coalesce(F.col("valid_from") <= F.col("until"), F.lit(True))
    )
    gone = erased.select(F.col("id_key").alias("gone"), F.col("valid_from").alias("since"), "until")
    return persons.join(F.broadcast(gone), meets, "left_anti")


def forgotten_persons(
    before: DataFrame, left: DataFrame, after: DataFrame, aliases: DataFrame
) -> DataFrame:
    """Persons all of whose identifiers were erased, and who hold none.

    Args:
        before: identity.person of yesterday.
        left: Its rows without what was erased since.
        after: identity.person of today.
        aliases: old_person_id, person_id of identity.alias.

    Returns:
        person_id, one row each: these persons, and all that were merged into them.
    """
    gone = before.select("person_id").distinct()
    for others in (left, after):
        gone = gone.join(others.select("person_id").distinct(), "person_id", "left_anti")
    merged = aliases.join(gone, "person_id", "left_semi").select("old_person_id")
    return gone.union(merged)
