"""The job link_profiles: find pairs of profiles that are likely one person, and score them."""

from functools import reduce

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import LinkageConfig, Tuning
from databank.identity.linkage.config import LinkageRule
from databank.identity.linkage.linker import score_pairs
from databank.identity.linkage.records import records_of, refuse_large_blocks
from databank.identity.tables import LIKELY_PAIR
from databank.runs import Context, Job, StepResult, Summary
from databank.session import checkpoint, small_frame
from databank.sources.tables import PROFILES


def link_profiles(context: Context, config: LinkageConfig) -> StepResult:
    """Score pairs of profiles by the rules of identity.yml.

    A rule is trained and applied again when a profile of its sources or the rule itself has
    changed: its pairs are a function of today's profiles, and of no earlier day.

    Raises:
        DataBankError: If a rule compares too much, or has too little to learn from.
    """
    store = context.store
    profiles = store.read(PROFILES)
    changed = _changed_sources(context)
    summary: Summary = {}
    frames = []
    for name, rule in sorted(config.linkage.items()):
        if changed is not None and not changed & set(rule.sources):
            frames.append(store.read(LIKELY_PAIR).where(F.col("name") == name))
            summary[f"{name}: profiles"] = "no change"
            continue
        context.progress.step(f"comparing profiles ({name})")
        pairs, rows = _pairs_of(context, name, rule, profiles, config.tuning)
        frames.append(pairs)
        likely = pairs.count()
        linked = pairs.where(F.col("score") >= rule.match_threshold).count()
        context.metric("profiles_compared", rows, rule=name)
        context.metric("profiles_linked", linked, rule=name)
        summary[f"{name}: profiles"] = rows
        summary[f"{name}: linked"] = linked
        summary[f"{name}: likely, not linked"] = likely - linked
    # pairs of a rule that was removed from identity.yml are left out
    nothing = small_frame(context.spark, [], LIKELY_PAIR.schema())
    store.replace(LIKELY_PAIR, reduce(DataFrame.unionByName, frames, nothing))
    return StepResult(summary)


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


def _pairs_of(
    context: Context, name: str, rule: LinkageRule, profiles: DataFrame, tuning: Tuning
) -> tuple[DataFrame, int]:
    """Make the identity.likely_pair rows of a rule, and count the profiles that it compared."""
    records = checkpoint(records_of(profiles, rule))
    rows = records.count()
    if rows < 2:
        return small_frame(context.spark, [], LIKELY_PAIR.schema()), rows
    refuse_large_blocks(name, records, rule, rows=rows, most=tuning.pairs_per_profile)
    scratch = context.store.scratch(f"linkage/{name}")
    on_driver = rows <= tuning.local_profiles
    scored = score_pairs(name, records, rule, on_driver=on_driver, scratch=scratch)
    for end in ("a", "b"):
        record = records.select(
            F.col("unique_id").alias(f"{end}_record"),
            F.col("id_key").alias(f"{end}_id"),
            F.col("updated_ts").alias(f"{end}_ts"),
        )
        scored = scored.join(record, f"{end}_record")
    best = F.max_by(F.struct("a_record", "b_record"), F.struct("score", "a_record", "b_record"))
    # records with the same key belong to one person anyway
    grouped = scored.where("a_id <> b_id").groupBy(
        F.least("a_id", "b_id").alias("a_key"), F.greatest("a_id", "b_id").alias("b_key")
    )
    pairs = grouped.agg(
        F.max("score").alias("score"),
        F.count(F.lit(1)).alias("n"),
        F.min(F.least("a_ts", "b_ts")).alias("first_ts"),
        F.max(F.greatest("a_ts", "b_ts")).alias("last_ts"),
        best.alias("best"),
    )
    rows_of_rule = pairs.select(F.lit(name).alias("name"), *pairs.columns, "best.*").drop("best")
    return checkpoint(rows_of_rule), rows


JOB = Job(name="link_profiles", step=link_profiles, tables=(LIKELY_PAIR,), logic_version=1)
