"""How many different neighbours identifiers of a type have, and what is usual among them.

The counts are kept from day to day, so that what is usual is known without counting all anew.
"""

from pyspark.sql import DataFrame, functions as F

_USUAL = 0.99  # of a type's identifiers have no more neighbours than is usual


def count_degrees(judged: DataFrame) -> DataFrame:
    """One row per id_type and neighbours: identifiers, how many there are.

    Args:
        judged: kind, degree; one row per identifier, see `judge_identifiers`.
    """
    columns = F.col("kind").alias("id_type"), F.col("degree").alias("neighbours")
    return judged.groupBy(*columns).agg(F.count(F.lit(1)).alias("identifiers"))


def move_degrees(known: DataFrame, before: DataFrame, after: DataFrame) -> DataFrame:
    """Degrees brought up to date by those of some identifiers, before and after a change."""
    gone = before.withColumn("identifiers", -F.col("identifiers"))
    moved = known.unionByName(gone).unionByName(after).groupBy("id_type", "neighbours")
    return moved.agg(F.sum("identifiers").alias("identifiers")).where("identifiers > 0")


def usual_degrees(degrees: DataFrame) -> DataFrame:
    """One row per id_type: usual, the degree that 99 of 100 identifiers do not exceed."""
    usual = F.percentile("neighbours", _USUAL, F.col("identifiers")).cast("bigint")
    return degrees.groupBy("id_type").agg(usual.alias("usual"))
