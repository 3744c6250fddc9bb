"""The job link_profiles: find pairs of profiles that are likely one person, and join them."""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import LinkageConfig, Tuning
from databank.identity.linkage.average_link import join_by_average_link
from databank.identity.linkage.components import likely_components
from databank.identity.linkage.config import LinkageRule
from databank.identity.linkage.linker import LEAST, PairScorer
from databank.identity.linkage.records import records_of, refuse_large_blocks
from databank.identity.linkage.threshold import (
    ThresholdResult,
    measure_thresholds,
    stable_threshold,
)
from databank.identity.tables import LIKELY_PAIR, MATCH_THRESHOLD
from databank.runs import Context, Job, StepResult, Summary
from databank.session import checkpoint, checkpoint_counted, small_frame
from databank.sources.tables import PROFILES

_PAIR = ["a_key", "b_key"]


class _Linked(NamedTuple):
    """What a rule gives.

    Attributes:
        pairs: identity.likely_pair rows.
        profiles: How many were compared.
        results: What each threshold gives.
        threshold: The one that links.
        indistinct: Identifiers that too many others equal.
    """

    pairs: DataFrame
    profiles: int
    results: Sequence[ThresholdResult]
    threshold: float | None
    indistinct: int


def link_profiles(context: Context, config: LinkageConfig) -> StepResult:
    """Score pairs of profiles by the rules of identity.yml, and join what is likely one person.

    A rule is trained and applied again when a profile of its sources or the rule itself has
    changed: its pairs are a function of today's profiles, and of no earlier day.

    Raises:
        DataBankError: If a rule compares too much, or has too little to learn from.
    """
    store = context.store
    profiles = store.read(PROFILES)
    changed = _changed_sources(context)
    summary: Summary = {}
    pairs, thresholds = [], []
    for name, rule in sorted(config.linkage.items()):
        if changed is not None and not changed & set(rule.sources):
            pairs.append(store.read(LIKELY_PAIR).where(F.col("name") == name))
            thresholds.append(store.read(MATCH_THRESHOLD).where(F.col("name") == name))
            summary[f"{name}: profiles"] = "no change"
            continue
        context.progress.step(f"comparing profiles ({name})")
        linked = _linked_by(context, name, rule, profiles, config.tuning)
        pairs.append(linked.pairs)
        rows = [(name, *result, result.threshold == linked.threshold) for result in linked.results]
        thresholds.append(store.small(MATCH_THRESHOLD, rows))
        summary |= _measured(context, name, linked)
    # what came of a rule that was removed from identity.yml is left out
    for table, frames in ((LIKELY_PAIR, pairs), (MATCH_THRESHOLD, thresholds)):
        nothing = small_frame(context.spark, [], table.schema())
        store.replace(table, reduce(DataFrame.unionByName, frames, nothing))
    return StepResult(summary)


def _measured(context: Context, name: str, linked: _Linked) -> Summary:
    """Write the metrics of a rule, and its part of the short table."""
    counts = linked.pairs.agg(F.count(F.lit(1)), F.count_if(F.col("linked")))
    likely, joined = counts.collect()[0]
    context.metric("profiles_compared", linked.profiles, rule=name)
    context.metric("profiles_linked", joined, rule=name)
    context.metric("profiles_indistinct", linked.indistinct, rule=name)
    if linked.threshold is not None:
        context.metric("match_threshold", linked.threshold, rule=name)
    return {
        f"{name}: profiles": linked.profiles,
        f"{name}: linked": joined,
        f"{name}: likely, not linked": likely - joined,
        **({f"{name}: match threshold": linked.threshold} if linked.threshold is not None else {}),
        **({f"{name}: indistinct": linked.indistinct} if linked.indistinct else {}),
    }


def _changed_sources(context: Context) -> set[str] | None:
    """Collect the sources with a profile changed since the last run; None = all of them."""
    since = context.last_read(PROFILES)
    feed = context.store.feed(PROFILES, since)
    if feed is None or not feed.covers():
        return None
    added = context.store.changes(PROFILES, since).select("source")
    altered = context.store.altered(PROFILES, since).select("source")
    # one row per source
    return {row["source"] for row in added.union(altered).distinct().collect()}


def _linked_by(
    context: Context, name: str, rule: LinkageRule, profiles: DataFrame, tuning: Tuning
) -> _Linked:
    """Compare, score and join the profiles of a rule."""
    records = checkpoint(records_of(profiles, rule))
    counts = records.agg(F.count(F.lit(1)), F.count_distinct("id_key"))
    rows, identifiers = counts.collect()[0]
    if rows < 2:
        return _Linked(small_frame(context.spark, [], LIKELY_PAIR.schema()), rows, [], None, 0)
    refuse_large_blocks(name, records, rule, rows=rows, most=tuning.pairs_per_profile)
    scratch = context.store.scratch(f"linkage/{name}")
    on_driver = rows <= tuning.local_profiles
    scorer = PairScorer(name, records, rule, on_driver=on_driver, scratch=scratch)
    likely = checkpoint(_by_identifiers(scorer.likely_pairs(), records))
    context.progress.step(f"joining profiles ({name})")
    folder = context.store.scratch(f"linkage/{name}/components")
    labels, indistinct = likely_components(likely, scratch=folder, local_budget=tuning.local_edges)
    scored = scorer.pairs_within(records.join(labels, "id_key"))
    inside = _by_identifiers(scored, records).join(
        labels.withColumnRenamed("id_key", "a_key"), "a_key"
    )
    inside, count = checkpoint_counted(inside)
    joined = checkpoint(join_by_average_link(inside, count))
    results = measure_thresholds(joined, identifiers, rule.match_threshold)
    threshold = rule.match_threshold
    if threshold is None:
        threshold = stable_threshold(results)
    pairs = _with_joins(name, likely, inside, joined, threshold)
    return _Linked(checkpoint(pairs), rows, results, threshold, indistinct)


def _by_identifiers(scored: DataFrame, records: DataFrame) -> DataFrame:
    """Group scored pairs of records by their identifiers; the best pair gives the score.

    Records with the same identifier belong to one person anyway.
    """
    for end in ("a", "b"):
        record = records.select(
            F.col("unique_id").alias(f"{end}_record"),
            F.col("id_key").alias(f"{end}_id"),
            F.col("updated_ts").alias(f"{end}_ts"),
        )
        scored = scored.join(record, f"{end}_record")
    best = F.max_by(F.struct("a_record", "b_record"), F.struct("score", "a_record", "b_record"))
    grouped = scored.where("a_id <> b_id").groupBy(
        F.least("a_id", "b_id").alias("a_key"), F.greatest("a_id", "b_id").alias("b_key")
    )
    measured = grouped.agg(
        F.max("score").alias("score"),
        F.count_if(F.col("score") >= LEAST).alias("n"),
        F.min(F.least("a_ts", "b_ts")).alias("first_ts"),
        F.max(F.greatest("a_ts", "b_ts")).alias("last_ts"),
        best.alias("best"),
    )
    return measured.select("*", "best.*").drop("best")


def _with_joins(
    name: str, likely: DataFrame, inside: DataFrame, joined: DataFrame, threshold: float
) -> DataFrame:
    """Make the identity.likely_pair rows: those of components, and those that tied two parts."""
    heights = joined.select(*_PAIR, "joined_at")
    within = inside.where(F.col("score") >= LEAST).drop("component").join(heights, _PAIR)
    apart = likely.join(inside.select(*_PAIR), _PAIR, "left_anti")
    rows = within.unionByName(apart.withColumn("joined_at", F.lit(0.0)))
    linked = (F.col("joined_at") >= threshold).alias("linked")
    return rows.select(F.lit(name).alias("name"), linked, *rows.columns)


JOB = Job(
    name="link_profiles",
    step=link_profiles,
    tables=(LIKELY_PAIR, MATCH_THRESHOLD),
    logic_version=2,
)
