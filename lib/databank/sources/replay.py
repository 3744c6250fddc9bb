"""Rows in quarantine are parsed once more: when their day has come, or because somebody asks."""

from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.quality.quarantine import quarantine_rows
from databank.quality.tables import QUARANTINE
from databank.runs import Context, StepResult, Summary
from databank.session import checkpoint
from databank.sources.config import SourcesConfig
from databank.sources.erasure.step import Erasures
from databank.sources.load import write_core
from databank.sources.load_stats import count_staged
from databank.sources.received import groups_of_received
from databank.sources.staging import stage_records
from databank.sources.tables import RAW_RECORD

# no record: a whole file; and one whose text was lost where its encoding could not read it
_NOT_RECORDS = ("file", "encoding")
_PLACE = ("source", "file", "line", "raw")


class Replay(NamedTuple):
    """What a replay is given; without a source all of them are meant."""

    sources: SourcesConfig
    source: str | None = None


def replay_quarantine(context: Context, config: Replay) -> StepResult:
    """Parse the records in quarantine by today's configuration.

    What is sound goes to core, in its own day and once; the rest stays, with today's reason.
    """
    rows = context.store.read(QUARANTINE)
    if config.source is not None:
        rows = rows.where(F.col("source") == config.source)
    erasures = Erasures(context, config.sources, {})
    summary = _load_again(context, config.sources, rows, erasures)
    return StepResult(summary or {"records in quarantine": 0})


def load_waiting(context: Context, config: SourcesConfig, erasures: Erasures) -> Summary:
    """Load the rows that came before their day, and whose day is the run's, or has passed."""
    wanted = [each.source for each in config.sources if context.wants(each.source)]
    waiting = context.store.read(QUARANTINE).where(F.col("waits_for") <= F.lit(context.day))
    return _load_again(context, config, waiting.where(F.col("source").isin(wanted)), erasures)


def _load_again(
    context: Context, config: SourcesConfig, rows: DataFrame, erasures: Erasures
) -> Summary:
    store, sources = context.store, {each.source: each for each in config.sources}
    records = rows.where(~F.col("rule").isin(*_NOT_RECORDS) & F.col("raw").isNotNull())
    rows = checkpoint(records.where(F.col("source").isin(sorted(sources))).select(*_PLACE))
    if rows.isEmpty():
        return {}
    files = F.broadcast(rows.select("source", "file").distinct())
    received = store.read(RAW_RECORD).join(files, ["source", "file"], "left_semi")
    groups, unfit = groups_of_received(received, sources, root=store.root)
    fit = [(group.source.source, name) for group in groups for name in group.units]
    summary: Summary = {}
    if unfit:
        summary["not parsed again"] = f"{len(unfit)} files, whose columns their source lacks"
    if not fit:
        return summary
    load_id = f"{context.day:%Y%m%d}-again-{context.run_id.rpartition('-')[2]}"
    values = rows.select(
        *_PLACE[:3], F.lit(None).cast("string").alias("fault"), F.col("raw").alias("value")
    )
    staged = stage_records(context, values, groups, erasures, name="parsed_again")
    stats = count_staged(staged, closed=None)
    stats.refuse_if_stopped()
    write_core(context, staged, [sources[name] for name in stats.sound], stats, load_id)
    names = context.store.spark.createDataFrame(fit, "source string, file string")
    parsed = rows.join(F.broadcast(names), ["source", "file"], "left_semi")
    same = " AND ".join(f"target.{name} <=> source.{name}" for name in _PLACE)
    store.delete(QUARANTINE, parsed.distinct(), same)
    if stats.quarantined:
        store.append(QUARANTINE, quarantine_rows(staged, load_id=load_id))
    loaded = sum(stats.loaded.values())
    for source, n in sorted(stats.loaded.items()):
        context.metric("rows_loaded_again", n, source=source)
    return summary | {
        "loaded from quarantine": loaded,
        "repeated in quarantine": sum(stats.sound.values()) - loaded,
        "still in quarantine": sum(stats.quarantined.values()),
    }
