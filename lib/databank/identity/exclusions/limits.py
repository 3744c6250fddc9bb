"""How many different neighbours each identifier has, and which limits of identity.yml that breaks.

A shared tablet, a shop's phone or a reset cookie is seen with many people. Left in, it merges them
all into one person; excluded, it belongs to no person and is listed with the reason.

Only direct neighbours count. The edges of a record are a star around its strongest identifier, so
a limit such as "imei to user_id" counts the records that are anchored by the user_id; two weak
identifiers that meet under a stronger one are no neighbours of each other. Counting them (two hops)
would square the edges of every anchor.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import require_columns
from databank.identity.config import ANY, Limit, Limits
from databank.identity.evidence.edges import pair_of_keys


def neighbour_stats(
    edges: DataFrame,
    identifiers: DataFrame,
    *,
    limits: Mapping[str, Limits],
    day: date,
    every: bool = True,
) -> DataFrame:
    """Count the different neighbours of each identifier, and name the limits that they break.

    All limits look at the edges as given, so neither their order nor that of the rows matters.

    Args:
        edges: a_key, b_key (bigint, an isolated id has both the same), last_ts (timestamp); a pair
            may come in several rows and in both directions.
        identifiers: id_key (bigint, unique), id_type (string).
        limits: For an identifier's type, the most different neighbours of each type, and of all
            types together under "any". A limit with days counts those seen together with it in
            the last so many days.
        day: Run day: windows end with it.
        every: False = only identifiers of a type that has limits.

    Returns:
        id_key, id_type, degree (different neighbours), broken_limits (in words; null = none is
        broken); one row per identifier with a neighbour.

    Raises:
        MissingColumnsError: If a frame lacks a column named above.
    """
    require_columns(edges, "a_key", "b_key", "last_ts", where="neighbour_stats: edges")
    require_columns(identifiers, "id_key", "id_type", where="neighbour_stats: identifiers")
    neighbours = _neighbours(edges, identifiers)
    if not every:
        neighbours = neighbours.where(F.col("id_type").isin(sorted(limits)))
    return with_broken_limits(neighbours, limits, day)


def with_broken_limits(neighbours: DataFrame, limits: Mapping[str, Limits], day: date) -> DataFrame:
    """Count neighbours by identifier, and name the limits that they break.

    Args:
        neighbours: id_key, id_type, neighbour_type, last_ts (both were last seen together); one row
            per identifier and neighbour.
        limits: As for `neighbour_stats`.
        day: Run day: windows end with it.

    Returns:
        As `neighbour_stats`.
    """
    named = {(kind, limit.days) for of in limits.values() for kind, limit in of.items()}
    counts = [
        F.count_if(_is_counted(of_type, Limit(most=1, days=days), day)).alias(_count(of_type, days))
        for of_type, days in sorted(named, key=str)
    ]
    degree = F.count(F.lit(1)).alias("degree")
    counted = neighbours.groupBy("id_key").agg(F.first("id_type").alias("id_type"), degree, *counts)
    reasons = [
        _reason(id_type, of_type, limit)
        for id_type, of_kind in sorted(limits.items())
        for of_type, limit in sorted(of_kind.items())
    ]
    broken = F.nullif(F.concat_ws("; ", *reasons) if reasons else F.lit(""), F.lit(""))
    return counted.select("id_key", "id_type", "degree", broken.alias("broken_limits"))


def count_of(id_type: str) -> Column:
    """Aggregate rows of identifiers (id_type): count those of a type, or all for "any"."""
    return F.count(F.lit(1)) if id_type == ANY else F.count_if(F.col("id_type") == id_type)


def window_start(limit: Limit, day: date) -> date | None:
    """The first day of a limit's window that ends with a day; None = the limit has no window."""
    return None if limit.days is None else day - timedelta(days=limit.days - 1)


def _neighbours(edges: DataFrame, identifiers: DataFrame) -> DataFrame:
    """List the neighbours of each identifier, as `with_broken_limits` takes them."""
    # partitioned by one end at once: a pair travels twice, and once more as a part of a count
    pairs = edges.where("a_key <> b_key").select(*pair_of_keys(), "last_ts").repartition("a_key")
    pairs = pairs.groupBy("a_key", "b_key").agg(F.max("last_ts").alias("last_ts"))
    types = identifiers.select("id_key", "id_type")
    typed = pairs.join(types.toDF("a_key", "a_type"), "a_key", "left")
    typed = typed.join(types.toDF("b_key", "b_type"), "b_key", "left")
    ends = [
        F.struct(
            F.col(f"{end}_key").alias("id_key"),
            F.col(f"{end}_type").alias("id_type"),
            F.col(f"{far}_type").alias("neighbour_type"),
            "last_ts",
        )
        for end, far in ("ab", "ba")
    ]
    both = typed.select(F.explode(F.array(*ends)).alias("end")).select("end.*")
    return both.where("id_type IS NOT NULL")


def _is_counted(of_type: str, limit: Limit, day: date) -> Column:
    known = F.coalesce(F.col("neighbour_type") == of_type, F.lit(False))
    counted = F.lit(True) if of_type == ANY else known
    first = window_start(limit, day)
    if first is None:
        return counted
    return counted & (F.col("last_ts") >= F.lit(first).cast("timestamp"))


def _count(of_type: str, days: int | None) -> str:
    return f"n_{of_type}_{days or 'ever'}"


def _reason(id_type: str, of_type: str, limit: Limit) -> Column:
    count = F.col(f"`{_count(of_type, limit.days)}`")
    noun = "identifiers" if of_type == ANY else of_type
    window = f" in {limit.days} days" if limit.days else ""
    rest = F.lit(f" different {noun}{window} (limit {limit.most})")
    text = F.concat(F.lit(f"{id_type} seen with "), count.cast("string"), rest)
    return F.when((F.col("id_type") == id_type) & (count > limit.most), text)
