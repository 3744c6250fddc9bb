"""On which days an identifier is a person's: the intervals of identity.person."""

from pyspark.sql import Column, functions as F


def holds_on(day: Column) -> Column:
    """Whether [valid_from, valid_to) has a day; null = open."""
    begun = F.coalesce(day >= F.col("valid_from"), F.lit(True))
    return begun & F.coalesce(day < F.col("valid_to"), F.lit(True))
