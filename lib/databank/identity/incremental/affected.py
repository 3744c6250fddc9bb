"""Which identifiers a run has to look at again: those whose evidence or rules have changed."""

from collections.abc import Iterable
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import IdentityConfig
from databank.identity.evidence.edges import ends_of, pairs_with
from databank.identity.evidence.manual import Told, blocked_nodes
from databank.identity.exclusions.limits import since
from databank.identity.rules import BLOCK_RULE
from databank.session import checkpoint, small_frame


def touched_identifiers(
    news: DataFrame,
    came: DataFrame,
    edges: DataFrame,
    others: DataFrame,
    aged: DataFrame,
    told: Iterable[Told],
) -> DataFrame:
    """id_key of all that may link otherwise than before, by what it is itself.

    Args:
        news: a_key, b_key of evidence that came, went or changed.
        came: id_key of new identifiers; all of their evidence is new.
        edges: identity.edges.
        others: id_key of identifiers that went, or whose block came or went; what was seen with
            them counts otherwise.
        aged: a_key, b_key of evidence that a window has left.
        told: What was told by hand before, and what is now; it is few, and looked at every day.
    """
    spark = news.sparkSession
    named = sorted({key for each in told for key in each.ends()})
    joined = sorted({key for each in told for pair in each.must_link for key in pair})
    by_hand = small_frame(spark, [(key,) for key in named], "id_key bigint")
    around = others.union(small_frame(spark, [(key,) for key in joined], "id_key bigint"))
    around = checkpoint(around.distinct())
    parts = [ends_of(news), came.select("id_key"), ends_of(aged), by_hand, around]
    if not around.isEmpty():
        parts.append(pairs_with(edges, around).select(F.col("other").alias("id_key")))
    return checkpoint(reduce(DataFrame.union, parts).distinct())


def blocks_changed(
    identifiers: DataFrame,
    rejected: DataFrame,
    before: IdentityConfig,
    config: IdentityConfig,
    *,
    day: date,
) -> DataFrame:
    """id_key of what is blocked or unblocked, or for another reason, where rules have changed."""
    schema = "id_key bigint"
    if before.block == config.block:
        return small_frame(identifiers.sparkSession, [], schema)
    was = rejected.where((F.col("rule") == BLOCK_RULE) & F.col("b_key").isNull())
    was = was.select("a_key", "reason")
    now = blocked_nodes(identifiers, config.block, day=day)
    now = checkpoint(now.select("a_key", "reason"))
    moved = was.exceptAll(now).union(now.exceptAll(was))
    return moved.select(F.col("a_key").alias("id_key")).distinct()


def aged_evidence(
    edges: DataFrame, config: IdentityConfig, *, before: date, day: date
) -> DataFrame:
    """Edges that were in a limit's window on the day before and are no longer."""
    every = [limit for of in (*config.limits.values(), config.persons) for limit in of.values()]
    tests = []
    for limit in {limit.days: limit for limit in every if limit.days}.values():
        left, begins = since(limit, before), since(limit, day)
        tests.append((F.col("last_ts") >= F.lit(left)) & (F.col("last_ts") < F.lit(begins)))
    return edges.where(reduce(lambda one, other: one | other, tests, F.lit(False)))
