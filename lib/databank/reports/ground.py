"""Collect what the bank rests on: sources, identities, quality and runs; small results only."""

from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, functions as F

from databank.reports.facts import IdType, JobRun, Measure, SetAside, SourceRows
from databank.reports.reader import Reader

DAYS_SHOWN = 90
MOST_IDENTIFIERS = 12  # persons with more are counted together
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


def collect_identity(reader: Reader) -> dict[str, Any]:
    """Identifiers per person and type, changes of the newest run day, what was set aside."""
    facts: dict[str, Any] = {}
    persons, types = reader.table("identity.person"), reader.table("identity.identifier")
    if persons is not None:
        today = F.lit(reader.day)
        begun = F.col("valid_from").isNull() | (F.col("valid_from") <= today)
        lasts = F.col("valid_to").isNull() | (F.col("valid_to") > today)
        persons = persons.where(begun & lasts).select("id_key", "person_id")
        facts["per_person"] = _per_person(persons)
        facts["totals"] = {"persons": sum(n for _, n in facts["per_person"])}
    if persons is not None and types is not None:
        facts["id_types"] = _id_types(types, persons)
    if types is not None:
        of_types = facts.get("id_types") or _id_types(types, None)
        facts.setdefault("totals", {})["identifiers"] = sum(t.identifiers for t in of_types)
        aside = reader.table("identity.rejected")
        if aside is not None:
            facts |= _set_aside(aside, types)
    changes, day = reader.newest("identity.changes")
    if changes is not None:
        found = changes.groupBy("kind").count().collect()
        facts["changes"] = {row["kind"]: row["count"] for row in found}
        facts["changes_day"] = day
    return facts


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
        measured = metrics.where(F.col("run_id").isin(ids)).orderBy("job", "name", text)
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


def _per_person(persons: DataFrame) -> tuple[tuple[int, int], ...]:
    counts = persons.groupBy("person_id").count()
    shown = F.least("count", F.lit(MOST_IDENTIFIERS)).cast("int").alias("n")
    found = counts.groupBy(shown).agg(F.count("*").alias("persons")).orderBy("n").collect()
    return tuple((row["n"], row["persons"]) for row in found)


def _id_types(types: DataFrame, persons: DataFrame | None) -> tuple[IdType, ...]:
    joined = types.select("id_key", "id_type")
    if persons is None:
        joined = joined.withColumn("person_id", F.lit(None).cast("bigint"))
    else:
        joined = joined.join(persons, "id_key", "left")
    found = joined.groupBy("id_type").agg(
        F.count("*").alias("identifiers"),
        F.count("person_id").alias("resolved"),
        F.count_distinct("person_id").alias("persons"),
    )
    rows = found.orderBy(F.desc("identifiers"), "id_type").limit(60).collect()
    return tuple(IdType(*row) for row in rows)


def _set_aside(rejected: DataFrame, types: DataFrame) -> dict[str, Any]:
    """Counts only. Figures in a reason differ from value to value and go; so would a value."""
    reason = F.split("reason", "; ")[0]
    reason = F.regexp_replace(reason, "with [0-9]+ different", "with too many different")
    reason = F.regexp_replace(reason, "a person [0-9]+ ", "a person too many ")
    reason = F.regexp_replace(reason, r"\S*@\S*|\S*[0-9]{5,}\S*", "…")
    named = F.contains(F.lower("reason"), F.lower("id_value"))
    reason = F.when(
        ~F.coalesce(named, F.lit(False)), reason
    )  # one that tells the value is not told
    typed = types.select(F.col("id_key").alias("a_key"), "id_type", "id_value")
    # what is no identifier has no row there, and tells its type in the reason
    unreadable = F.when(F.col("rule") == "format", F.split("reason", ":")[0])
    found = (
        rejected.join(typed, "a_key", "left")
        .groupBy(
            F.col("b_key").isNull().alias("alone"),
            "rule",
            reason.alias("reason"),
            F.coalesce("id_type", unreadable, F.lit("unknown")).alias("id_type"),
        )
        .count()
        .orderBy(F.desc("count"), "rule", "reason", "id_type")
        .limit(100)
        .collect()
    )
    both: dict[bool, list[SetAside]] = {True: [], False: []}
    for row in found:
        one = SetAside(row["rule"], row["reason"] or "", row["id_type"], row["count"])
        both[row["alone"]].append(one)
    return {"set_aside": tuple(both[True]), "refused_pairs": tuple(both[False])}


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
