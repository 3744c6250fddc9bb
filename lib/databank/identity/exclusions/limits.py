"""Guards on evidence: identifiers that would tie strangers together are set aside.

A shared tablet, a shop's phone or a reset cookie is seen with many people. Left in, it merges them
all into one person; set aside, it belongs to nobody and is listed with the reason.

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
from databank.identity.rules import FORMAT_RULE, HUB_RULE, LIMIT_RULE


def judge_identifiers(
    edges: DataFrame,
    identifiers: DataFrame,
    *,
    limits: Mapping[str, Limits],
    day: date,
    every: bool = True,
) -> DataFrame:
    """How many different neighbours each identifier has, and which limits that breaks.

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
        key, kind (its type), degree (different neighbours), limited (which limits are broken, in
        words; null = none); one row per identifier with a neighbour.

    Raises:
        MissingColumnsError: If a frame lacks a column named above.
    """
    require_columns(edges, "a_key", "b_key", "last_ts", where="judge_identifiers: edges")
    require_columns(identifiers, "id_key", "id_type", where="judge_identifiers: identifiers")
    seen = _neighbours(edges, identifiers)
    return _judged(seen if every else seen.where(F.col("kind").isin(sorted(limits))), limits, day)


def refuse_judged(
    judged: DataFrame, day: date, *, junk: int | None = None, usual: DataFrame | None = None
) -> DataFrame:
    """Identifiers that break a limit, or have more neighbours than is usual.

    An identifier that loses all its edges this way is still somebody's: it is a person alone.

    Args:
        judged: As `judge_identifiers` gives them.
        day: Run day, written to the rows.
        junk: How many times the usual neighbours an identifier may have; null = any number.
        usual: id_type, usual, see `usual_degrees`; needed with `junk`.

    Returns:
        identity.rejected rows, one per identifier: rule `limit`, or `junk` if no limit is broken.
    """
    unusual = F.lit(None).cast("string")
    if junk is not None and usual is not None:
        # a row a type
        judged = judged.join(F.broadcast(usual), F.col("kind") == F.col("id_type"))
        degree, most = F.col("degree").cast("string"), F.col("usual").cast("string")
        text = F.concat(
            F.col("kind"), F.lit(" seen with "), degree, F.lit(" different identifiers, where "),
            most, F.lit(f" are usual (limit {junk} times as many)"),
        )  # fmt: skip
        unusual = F.when(F.col("degree") > F.col("usual") * junk, text)
    rule = F.when(F.col("limited").isNotNull(), F.lit(LIMIT_RULE)).otherwise(F.lit(HUB_RULE))
    return _rejected(judged, rule, F.coalesce("limited", unusual), day)


def refuse_nodes(neighbours: DataFrame, limits: Mapping[str, Limits], day: date) -> DataFrame:
    """Nodes that break a limit, where the neighbours are known already.

    Args:
        neighbours: key, kind (its type), of (the neighbour's type), last (timestamp of the last
            sight of both); one row per neighbour.
        limits: As for `judge_identifiers`.
        day: Run day.

    Returns:
        identity.rejected rows, one per node.
    """
    judged = _judged(neighbours, limits, day)
    return _rejected(judged, F.lit(LIMIT_RULE), F.col("limited"), day)


def unreadable_identifiers(refused: DataFrame, *, day: date) -> DataFrame:
    """What ingest refused by format, checksum or list of placeholders.

    Args:
        refused: id_key, id_type, why of identity.refused.
        day: Written to the rows.

    Returns:
        identity.rejected rows, one per text.
    """
    return refused.groupBy(F.col("id_key").alias("a_key")).agg(
        F.lit(None).cast("bigint").alias("b_key"),
        F.lit(FORMAT_RULE).alias("rule"),
        F.min(F.concat("id_type", F.lit(": "), "why")).alias("reason"),
        F.lit(day).alias("day"),
    )


def without(edges: DataFrame, refused: DataFrame) -> DataFrame:
    """Edges neither of whose ends (a_key, b_key) is a refused identifier (a_key)."""
    keys = refused.where("b_key IS NULL").select(F.col("a_key").alias("key")).distinct()
    kept = edges.join(keys, F.col("a_key") == F.col("key"), "left_anti")
    return kept.join(keys, F.col("b_key") == F.col("key"), "left_anti")


def held_of(kind: str) -> Column:
    """An aggregate over identifiers (id_type): how many of a type there are, of all for "any"."""
    return F.count(F.lit(1)) if kind == ANY else F.count_if(F.col("id_type") == kind)


def since(limit: Limit, day: date) -> date | None:
    """The first day of a limit's window; null = since ever."""
    return None if limit.days is None else day - timedelta(days=limit.days - 1)


def _neighbours(edges: DataFrame, identifiers: DataFrame) -> DataFrame:
    """key, kind, of, last: a row for each identifier and neighbour."""
    # partitioned by one end at once: a pair travels twice, and once more as a part of a count
    met = edges.where("a_key <> b_key").select(*pair_of_keys(), "last_ts").repartition("a_key")
    met = met.groupBy("a_key", "b_key").agg(F.max("last_ts").alias("last"))
    types = identifiers.select("id_key", "id_type")
    typed = met.join(types.toDF("a_key", "a_kind"), "a_key", "left")
    typed = typed.join(types.toDF("b_key", "b_kind"), "b_key", "left")
    ends = [
        F.struct(
            F.col(f"{end}_key").alias("key"),
            F.col(f"{end}_kind").alias("kind"),
            F.col(f"{other}_kind").alias("of"),
            "last",
        )
        for end, other in ("ab", "ba")
    ]
    both = typed.select(F.explode(F.array(*ends)).alias("end")).select("end.*")
    return both.where("kind IS NOT NULL")


def _judged(neighbours: DataFrame, limits: Mapping[str, Limits], day: date) -> DataFrame:
    """key, kind, degree, and limited: which limits are broken, null where none is."""
    named = {(other, limit.days) for of in limits.values() for other, limit in of.items()}
    counts = [
        F.count_if(_counts(other, Limit(most=1, days=days), day)).alias(_count(other, days))
        for other, days in sorted(named, key=str)
    ]
    degree = F.count(F.lit(1)).alias("degree")
    counted = neighbours.groupBy("key").agg(F.first("kind").alias("kind"), degree, *counts)
    reasons = [
        _reason(kind, other, limit)
        for kind, of_kind in sorted(limits.items())
        for other, limit in sorted(of_kind.items())
    ]
    told = F.nullif(F.concat_ws("; ", *reasons) if reasons else F.lit(""), F.lit(""))
    return counted.select("key", "kind", "degree", told.alias("limited"))


def _rejected(judged: DataFrame, rule: Column, reason: Column, day: date) -> DataFrame:
    return judged.where(reason.isNotNull()).select(
        F.col("key").alias("a_key"),
        F.lit(None).cast("bigint").alias("b_key"),
        rule.alias("rule"),
        reason.alias("reason"),
        F.lit(day).alias("day"),
    )


def _counts(other: str, limit: Limit, day: date) -> Column:
    of_type = F.lit(True) if other == ANY else F.coalesce(F.col("of") == other, F.lit(False))
    first = since(limit, day)
    if first is None:
        return of_type
    return of_type & (F.col("last") >= F.lit(first).cast("timestamp"))


def _count(other: str, days: int | None) -> str:
    return f"n_{other}_{days or 'ever'}"


def _reason(kind: str, other: str, limit: Limit) -> Column:
    seen = F.col(f"`{_count(other, limit.days)}`")
    noun = "identifiers" if other == ANY else other
    window = f" in {limit.days} days" if limit.days else ""
    told = F.lit(f" different {noun}{window} (limit {limit.most})")
    text = F.concat(F.lit(f"{kind} seen with "), seen.cast("string"), told)
    return F.when((F.col("kind") == kind) & (seen > limit.most), text)
