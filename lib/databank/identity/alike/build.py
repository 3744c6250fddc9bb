"""The job link_profiles: pairs of profiles that are likely one person's, with their probability."""

from functools import reduce

from pyspark.sql import DataFrame, functions as F

from databank.identity.alike.config import Alike, AlikeConfig
from databank.identity.alike.linker import score_pairs
from databank.identity.alike.records import records_of, refuse_large_blocks
from databank.identity.tables import ALIKE
from databank.runs import Context, Job, StepResult
from databank.session import checkpoint, small_frame
from databank.sources.tables import PROFILES


def link_profiles(context: Context, config: AlikeConfig) -> StepResult:
    """Score pairs of profiles by the rules of identity.yml.

    A rule is trained and applied anew when a profile of its sources has changed, or the rule has:
    what it says is a function of the profiles of today, and of no day before.

    Raises:
        DataBankError: If a rule compares too much, or has too little to learn from.
    """
    store = context.store
    profiles = store.read(PROFILES)
    changed = _changed_sources(context)
    summary: dict[str, int | float | str] = {}
    frames = []
    for name, rule in sorted(config.alike.items()):
        if changed is not None and not changed & set(rule.sources):
            frames.append(store.read(ALIKE).where(F.col("name") == name))
            summary[f"{name}: profiles"] = "no change"
            continue
        context.progress.step(f"comparing profiles ({name})")
        found, rows = _pairs_of(context, name, rule, profiles)
        frames.append(found)
        likely, linked = found.count(), found.where(F.col("score") >= rule.at_least).count()
        context.metric("profiles_compared", rows, rule=name)
        context.metric("profiles_linked", linked, rule=name)
        summary[f"{name}: profiles"] = rows
        summary[f"{name}: linked"] = linked
        summary[f"{name}: likely, and not linked"] = likely - linked
    # pairs of a rule that is no longer there go
    nothing = small_frame(context.spark, [], ALIKE.schema())
    store.replace(ALIKE, reduce(DataFrame.unionByName, frames, nothing))
    return StepResult(summary)


def _changed_sources(context: Context) -> set[str] | None:
    """Sources of which a profile has changed since the last run; None = all of them count so."""
    since = context.last_read(PROFILES)
    feed = context.store.feed(PROFILES, since)
    if feed is None or not feed.reaches():
        return None
    news = context.store.changes(PROFILES, since).select("source")
    news = news.union(context.store.altered(PROFILES, since).select("source"))
    # a row a source
    return {row["source"] for row in news.distinct().collect()}


def _pairs_of(
    context: Context, name: str, rule: Alike, profiles: DataFrame
) -> tuple[DataFrame, int]:
    """identity.alike rows of a rule, and how many profiles it has compared."""
    records = checkpoint(records_of(profiles, rule))
    rows = records.count()
    if rows < 2:
        return small_frame(context.spark, [], ALIKE.schema()), rows
    refuse_large_blocks(name, records, rule, rows=rows)
    scratch = context.store.scratch(f"alike/{name}")
    scored = score_pairs(name, records, rule, rows=rows, scratch=scratch)
    for end in ("one", "other"):
        columns = ("unique_id", end), ("id_key", f"{end}_key"), ("updated_ts", f"{end}_ts")
        known = records.select(*(F.col(column).alias(to) for column, to in columns))
        scored = scored.join(known, end)
    best = F.max_by(F.struct("one", "other"), F.struct("score", "one", "other"))
    # records with the same key are one person's anyway
    grouped = scored.where("one_key <> other_key").groupBy(
        F.least("one_key", "other_key").alias("a_key"),
        F.greatest("one_key", "other_key").alias("b_key"),
    )
    pairs = grouped.agg(
        F.max("score").alias("score"),
        F.count(F.lit(1)).alias("n"),
        F.min(F.least("one_ts", "other_ts")).alias("first_ts"),
        F.max(F.greatest("one_ts", "other_ts")).alias("last_ts"),
        best.alias("best"),
    )
    told = pairs.select(F.lit(name).alias("name"), *pairs.columns, "best.*").drop("best")
    return checkpoint(told), rows


JOB = Job(name="link_profiles", step=link_profiles, tables=(ALIKE,))
