"""What completed erasures mean for persons: which identifiers they lose, and who is gone."""

from pyspark.sql import DataFrame, functions as F

from databank.runs import Context
from databank.sources.erasure.request import hashed_rows
from databank.sources.erasure.tables import ERASED_IDENTIFIER


def completed_since(context: Context, version: int | None) -> DataFrame:
    """Read the rows of identity.erased_identifier after a version of it; None or -1 = all."""
    rows = hashed_rows(context, context.store.read(ERASED_IDENTIFIER))
    if version is None or version < 0:
        return rows
    before = hashed_rows(context, context.store.read_version(ERASED_IDENTIFIER, version))
    return rows.exceptAll(before.select(*rows.columns))


def remaining_periods(persons: DataFrame, erased: DataFrame) -> DataFrame:
    """Keep the rows of identity.person from which no erasure takes a day.

    Args:
        persons: identity.person.
        erased: Of `erased_keys`: id_key, valid_from (null = from the beginning), until.
    """
    overlaps = (F.col("gone") == F.col("id_key")) & (
        F.coalesce(F.col("since") < F.col("valid_to"), F.lit(True))
        & F.coalesce(F.col("valid_from") <= F.col("until"), F.lit(True))
    )
    gone = erased.select(F.col("id_key").alias("gone"), F.col("valid_from").alias("since"), "until")
    return persons.join(F.broadcast(gone), overlaps, "left_anti")


def erased_persons(
    before: DataFrame, remaining: DataFrame, after: DataFrame, aliases: DataFrame
) -> DataFrame:
    """List the persons all of whose identifiers were erased, and who hold none now.

    Args:
        before: identity.person of the former run.
        remaining: Its `remaining_periods` after the erasures since.
        after: identity.person of this run.
        aliases: old_person_id, person_id of identity.alias.

    Returns:
        person_id, one row each: these persons, and all that were merged into them.
    """
    gone = before.select("person_id").distinct()
    for holders in (remaining, after):
        gone = gone.join(holders.select("person_id").distinct(), "person_id", "left_anti")
    merged = aliases.join(gone, "person_id", "left_semi").select("old_person_id")
    return gone.union(merged)
