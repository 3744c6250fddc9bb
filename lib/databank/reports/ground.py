"""Collect what the bank rests on: sources, quality and runs; small results only."""

from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, functions as F

from databank.reports.facts import JobRun, Measure, SourceRows
from databank.reports.reader import Reader

DAYS_SHOWN = 90
_TOLD_OF_TAGS = ("tag_quantile", "tag_different", "tag_value")
_WORST = ("done", "unchanged", "refused", "failed", "error")


def collect_sources(reader: Reader) -> dict[str, Any]:
    """Rows read, loaded and quarantined by source; totals of the core tables."""
    count, none = F.count("*"), F.max(F.lit(0))
    without_person = F.count_if(F.col("id_key").isNull())
    found = _by_source(
        reader,
        {
            "raw.file": (F.sum("rows"), F.count_distinct("file")),
            "ops.quarantine": (count, none),
            "core.events": (count, without_person),
            "core.profiles": (count, none),
            "core.items": (count, none),
        },
    )
    core = ("events", "profiles", "items")

    def one(table: str, source: str) -> tuple[int, int]:
        return found.get((table, source), (0, 0))

    sources = tuple(
        SourceRows(
            source=name,
            files=one("raw.file", name)[1],
            read=one("raw.file", name)[0],
            loaded=sum(one(f"core.{table}", name)[0] for table in core),
            quarantined=one("ops.quarantine", name)[0],
            no_person=one("core.events", name)[1],
        )
        for name in sorted({source for _, source in found})
    )
    totals = {t: sum(n for (k, _), (n, _) in found.items() if k == f"core.{t}") for t in core}
    totals["events without person"] = sum(source.no_person for source in sources)
    return {"sources": sources, "totals": totals, "daily": _daily(reader)}


def collect_quality(reader: Reader) -> dict[str, Any]:
    """Quarantined rows by source and rule, and what the jobs of the day took and measured."""
    facts: dict[str, Any] = {}
    held = reader.table("ops.quarantine")
    if held is not None:
        # the rule only: the reason may show the value
        found = held.groupBy("source", "rule").count().orderBy(F.desc("count")).limit(200)
        facts["quarantine"] = tuple((r["source"], r["rule"], r["count"]) for r in found.collect())
    runs = reader.ledger("ops.run")
    if runs is None:
        return facts
    written = F.aggregate(F.map_values("rows"), F.lit(0).cast("bigint"), lambda a, b: a + b)
    last = F.struct("run_id", "outcome", "seconds", written.alias("rows"))
    newest = (
        runs.where((F.col("day") == F.lit(reader.day)) & (F.col("outcome") != "unchanged"))
        .groupBy("job", "nodes")
        .agg(F.max_by(last, "started").alias("run"), F.max("started").alias("at"))
        .orderBy("at")
        .limit(500)
        .select("job", "run.*")
        .collect()
    )
    facts["runs"] = _job_runs([row.asDict() for row in newest])
    metrics = reader.ledger("ops.metric")
    if metrics is not None and newest:
        ids = [row["run_id"] for row in newest]
        text = F.to_json("labels")  # a map has no order
        # how tags are spread is a section of its own
        told = F.col("run_id").isin(ids) & ~F.col("name").isin(*_TOLD_OF_TAGS)
        measured = metrics.where(told).orderBy("job", "name", text)
        rows = measured.limit(500).collect()
        facts["measures"] = tuple(
            Measure(row["job"], row["name"], row["labels"], row["value"]) for row in rows
        )
    return facts


def _by_source(
    reader: Reader, wanted: dict[str, tuple[Column, Column]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Two figures by table and source, of all tables in one query."""
    parts = []
    for name, (first, second) in wanted.items():
        rows = reader.table(name)
        if rows is not None:
            sums = rows.groupBy("source").agg(first.alias("a"), second.alias("b"))
            parts.append(sums.select(F.lit(name).alias("table"), "source", "a", "b"))
    if not parts:
        return {}
    found = reduce(DataFrame.unionByName, parts).collect()
    return {(r["table"], r["source"]): (int(r["a"] or 0), int(r["b"] or 0)) for r in found}


def _daily(reader: Reader) -> tuple[tuple[Any, str, int], ...]:
    events = reader.table("core.events")
    if events is None:
        return ()
    last = F.lit(reader.day)
    shown = events.where((F.col("day") > F.date_sub(last, DAYS_SHOWN)) & (F.col("day") <= last))
    # a bank of 90 days and a handful of terminals: a few hundred rows
    terminal = F.coalesce("terminal", F.lit("unknown")).alias("terminal")
    found = shown.groupBy("day", terminal).count().orderBy("day", "terminal").collect()
    return tuple((row["day"], row["terminal"], row["count"]) for row in found)


def _job_runs(rows: list[dict[str, Any]]) -> tuple[JobRun, ...]:
    def merged(one: JobRun, other: JobRun) -> JobRun:
        return JobRun(
            one.job,
            one.parts + other.parts,
            max(one.outcome, other.outcome, key=_WORST.index),
            one.seconds + other.seconds,
            one.rows + other.rows,
        )

    by_job: dict[str, list[JobRun]] = {}
    for row in rows:
        run = JobRun(row["job"], 1, row["outcome"], row["seconds"], row["rows"] or 0)
        by_job.setdefault(run.job, []).append(run)
    return tuple(reduce(merged, runs) for runs in by_job.values())
