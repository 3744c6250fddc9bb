"""Guards on evidence: identifiers that would tie strangers together are set aside.

A shared tablet, a shop's phone or a reset cookie is seen with many people. Left in, it merges them
all into one person; set aside, it belongs to nobody and is listed with the reason.

Only direct neighbours count. The edges of a record are a star around its strongest identifier, so
a limit such as "imei to user_id" counts the records that are anchored by the user_id; two weak
identifiers that meet under a stronger one are no neighbours of each other. Counting them (two hops)
would square the edges of every anchor.
"""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import require_columns
from databank.errors import DataBankError

ANY = "any"
RULE = "limit"


def refuse_by_limits(
    edges: DataFrame,
    identifiers: DataFrame,
    *,
    limits: Mapping[str, Mapping[str, int]],
    day: date,
) -> tuple[DataFrame, DataFrame]:
    """Set aside identifiers with more different neighbours than their type may have.

    All limits look at the edges as given, so neither their order nor that of the rows matters. An
    identifier that loses all its edges this way is still somebody's: give it a self loop where
    persons are built.

    Args:
        edges: a_key, b_key (bigint, an isolated id has both the same) and any other columns; a
            pair may come in several rows and in both directions.
        identifiers: id_key (bigint, unique), id_type (string).
        limits: For an identifier's type, the most different neighbours of each type, and of all
            types together under "any": {"imei": {"user_id": 1, "any": 20}}.
        day: Run day, written to rejected.

    Returns:
        The edges between identifiers that stay, same columns; and rejected(a_key, b_key null,
        rule, reason, day), one row per identifier set aside.

    Raises:
        MissingColumnsError: If a frame lacks a column named above.
        DataBankError: If a limit is negative.
    """
    require_columns(edges, "a_key", "b_key", where="refuse_by_limits: edges")
    require_columns(identifiers, "id_key", "id_type", where="refuse_by_limits: identifiers")
    _require_counts(limits)
    neighbours = _neighbour_counts(edges, identifiers, limits)
    reasons = [
        _reason(kind, other, most)
        for kind, of_kind in sorted(limits.items())
        for other, most in sorted(of_kind.items())
    ]
    reason = F.concat_ws("; ", *reasons) if reasons else F.lit("")
    rejected = neighbours.select("key", reason.alias("reason")).where(F.col("reason") != "")
    return _without(edges, rejected), rejected.select(
        F.col("key").alias("a_key"),
        F.lit(None).cast("bigint").alias("b_key"),
        F.lit(RULE).alias("rule"),
        "reason",
        F.lit(day).alias("day"),
    )


def _require_counts(limits: Mapping[str, Mapping[str, int]]) -> None:
    for kind, of_kind in limits.items():
        for other, most in of_kind.items():
            if most < 0:
                raise DataBankError(f"limits.{kind}.{other}: {most} is negative; write 0 or more")


def _neighbour_counts(
    edges: DataFrame, identifiers: DataFrame, limits: Mapping[str, Mapping[str, int]]
) -> DataFrame:
    """key, kind, and for each type named in the limits how many neighbours of it: n_<type>."""
    named = sorted({other for of_kind in limits.values() for other in of_kind} - {ANY})
    pairs = edges.where(F.col("a_key") != F.col("b_key")).select("a_key", "b_key")
    there = F.struct(F.col("a_key").alias("key"), F.col("b_key").alias("other"))
    back = F.struct(F.col("b_key").alias("key"), F.col("a_key").alias("other"))
    both = pairs.select(F.explode(F.array(there, back)).alias("pair")).select("pair.*").distinct()
    types = identifiers.select("id_key", "id_type")
    limited = types.where(F.col("id_type").isin(list(limits))).toDF("key", "kind")
    typed = both.join(limited, "key").join(types.toDF("other", "of"), "other", "left")
    counts = [F.count_if(F.col("of") == kind).alias(_count(kind)) for kind in named]
    return typed.groupBy("key", "kind").agg(F.count(F.lit(1)).alias(_count(ANY)), *counts)


def _reason(kind: str, other: str, most: int) -> Column:
    seen = F.col(f"`{_count(other)}`")
    noun = "identifiers" if other == ANY else other
    text = F.concat(
        F.lit(f"{kind} seen with "), seen.cast("string"), F.lit(f" different {noun} (limit {most})")
    )
    return F.when((F.col("kind") == kind) & (seen > most), text)


def _count(kind: str) -> str:
    return f"n_{kind}"


def _without(edges: DataFrame, rejected: DataFrame) -> DataFrame:
    kept = edges.join(rejected.select(F.col("key").alias("a_key")), "a_key", "left_anti")
    kept = kept.join(rejected.select(F.col("key").alias("b_key")), "b_key", "left_anti")
    return kept.select(*edges.columns)
