"""Find the identifiers that a run has to solve again: their evidence or rules have changed."""

from collections.abc import Iterable
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import IdentityConfig
from databank.identity.evidence.edges import ends_of, pairs_with
from databank.identity.evidence.manual import ManualRules, blocked_identifiers
from databank.identity.exclusions.limits import window_start
from databank.identity.rules import BLOCK_RULE
from databank.session import checkpoint, checkpoint_counted, small_frame


def affected_identifiers(
    edge_changes: DataFrame,
    added: DataFrame,
    edges: DataFrame,
    others: DataFrame,
    aged: DataFrame,
    manual: Iterable[ManualRules],
) -> tuple[DataFrame, int]:
    """Find all identifiers that may link otherwise than before, by what they are themselves.

    Args:
        edge_changes: a_key, b_key of evidence that came, went or changed.
        added: id_key of new identifiers; all of their evidence is new.
        edges: identity.edges.
        others: id_key of identifiers that went, or whose block came or went; what was seen with
            them counts otherwise.
        aged: a_key, b_key of evidence that has left a window.
        manual: The manual rules of the last run, and those of this one; they are few, and
            what they are about is solved every day.

    Returns:
        id_key, one row each; and how many there are.
    """
    spark = edge_changes.sparkSession
    manual = list(manual)
    named = sorted({key for rules in manual for key in rules.all_keys()})
    forced = sorted({key for rules in manual for key in rules.forced_keys()})
    by_hand = small_frame(spark, [(key,) for key in named], "id_key bigint")
    around = others.union(small_frame(spark, [(key,) for key in forced], "id_key bigint"))
    around, count = checkpoint_counted(around.distinct())
    parts = [ends_of(edge_changes), added.select("id_key"), ends_of(aged), by_hand, around]
    if count:
        parts.append(pairs_with(edges, around).select(F.col("other").alias("id_key")))
    return checkpoint_counted(reduce(DataFrame.union, parts).distinct())


def changed_blocks(
    identifiers: DataFrame, rejected: DataFrame, before: IdentityConfig, config: IdentityConfig
) -> DataFrame:
    """Find the identifiers (id_key) that a changed `block` blocks, frees, or gives a new reason.

    Args:
        identifiers: identity.identifier.
        rejected: identity.rejected of the last run.
        before: identity.yml of the last run.
        config: identity.yml.
    """
    if before.block == config.block:
        return small_frame(identifiers.sparkSession, [], "id_key bigint")
    was = rejected.where((F.col("rule") == BLOCK_RULE) & F.col("b_key").isNull())
    was = was.select(F.col("a_key").alias("id_key"), "reason")
    now = checkpoint(blocked_identifiers(identifiers, config.block).select("id_key", "reason"))
    return was.exceptAll(now).union(now.exceptAll(was)).select("id_key").distinct()


def aged_evidence(
    edges: DataFrame, config: IdentityConfig, *, before: date, day: date
) -> DataFrame:
    """Find the edges that were in a limit's window on the day before and are no longer."""
    limits = [limit for of in (*config.limits.values(), config.persons) for limit in of.values()]
    tests = []
    for limit in {limit.days: limit for limit in limits if limit.days}.values():
        left, begins = window_start(limit, before), window_start(limit, day)
        tests.append((F.col("last_ts") >= F.lit(left)) & (F.col("last_ts") < F.lit(begins)))
    return edges.where(reduce(lambda a, b: a | b, tests, F.lit(False)))
