"""Section on the quality of the run: quarantine, jobs of the day and what they measured."""

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import functions as F

from databank.reports import charts, format as fmt
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection

# figures of ingest, in the order of the table
_LOAD = {
    "rows_read": "Read",
    "rows_loaded": "Loaded",
    "rows_repeated": "Repeated or older",
    "rows_late": "Late",
    "rows_without_identifier": "Without identifier",
}
_OUTCOMES = {"refused": "refused by a gate", "failed": "failed", "error": "stopped by a bug"}
# the worst last; a preview, a rollback and what was unchanged are no runs of the day
_WORST = ("done", *_OUTCOMES)
_MOST_COLUMNS = 6  # sources beside each other
# the section on tags shows these
_FIGURES_OF_TAGS = ("tag_quantile", "tag_different", "tag_value")


@dataclass(frozen=True)
class JobRun:
    """One job on the run day, over all its parts."""

    job: str
    outcome: str
    seconds: float
    rows: int


@dataclass(frozen=True)
class Measure:
    """One figure of ops.metric."""

    job: str
    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class QualityData:
    """Quarantined rows by (source, rule), jobs of the run day and their figures."""

    quarantine: tuple[tuple[str, str, int], ...] = ()
    runs: tuple[JobRun, ...] = ()
    measures: tuple[Measure, ...] = ()


class Quality(ReportSection[QualityData]):
    """What was held back, how long each job took and what it measured."""

    key = "quality"
    title = "Quality of this run"
    tables = ("ops.quarantine", "ops.run", "ops.metric")
    needs = ("core.events",)
    filled_by = "ingest"
    technical = True

    def collect(self, reader: Reader) -> QualityData:
        """Count quarantined rows by source and rule; read the runs of the day and their figures."""
        quarantine: tuple[tuple[str, str, int], ...] = ()
        held = reader.table("ops.quarantine")
        if held is not None:
            # the rule only: the reason may show the value
            counts = held.groupBy("source", "rule").count().orderBy(F.desc("count")).limit(5000)
            quarantine = tuple((r["source"], r["rule"], r["count"]) for r in counts.collect())
        runs = reader.ledger("ops.run")
        if runs is None:
            return QualityData(quarantine)
        written = F.aggregate(F.map_values("rows"), F.lit(0).cast("bigint"), lambda a, b: a + b)
        last = F.struct("run_id", "outcome", "seconds", written.alias("rows"))
        newest = (
            runs.where((F.col("day") == F.lit(reader.day)) & F.col("outcome").isin(*_WORST))
            .groupBy("job", "nodes")
            .agg(F.max_by(last, "started").alias("run"), F.max("started").alias("at"))
            .orderBy("at")
            .limit(500)
            .select("job", "run.*")
            .collect()
        )
        metrics = reader.ledger("ops.metric")
        measures: tuple[Measure, ...] = ()
        if metrics is not None and newest:
            of_runs = F.col("run_id").isin([row["run_id"] for row in newest])
            shown = metrics.where(of_runs & ~F.col("name").isin(*_FIGURES_OF_TAGS))
            # labels are a map, which has no order: their text has one
            rows = shown.orderBy("job", "name", F.to_json("labels")).limit(500).collect()
            measures = tuple(Measure(r["job"], r["name"], r["labels"], r["value"]) for r in rows)
        return QualityData(quarantine, _job_runs([row.asDict() for row in newest]), measures)

    def draw(self, data: QualityData, notes: Notes) -> Section | None:
        """Draw quarantine by rule and source, rows without person, jobs and their figures."""
        held = sum(n for *_, n in data.quarantine)
        events = notes.totals.get("events", 0)
        unidentified = notes.totals.get("events without person", 0)
        if not events and not held and not data.runs:
            return None
        summary = (
            f"{fmt.plural(held, 'row')} in quarantine; {fmt.plural(unidentified, 'event')} "
            f"({fmt.share(unidentified, events)} of all) carry no usable identifier and belong to "
            "no person."
        )
        if not unidentified and not held:
            summary = "No row waits in quarantine, and every event belongs to a person."
        if not events and not held:
            summary = "No rows have been loaded yet."
        panels = (
            *_load(data.measures, notes),
            *_quarantine(data.quarantine, held),
            *_jobs(data.runs),
            *_measures(data.measures),
        )
        return self.section(summary, panels)


def _job_runs(rows: list[dict[str, Any]]) -> tuple[JobRun, ...]:
    """Add up the parts of each job; the worst outcome counts."""

    def merged(a: JobRun, b: JobRun) -> JobRun:
        outcome = max(a.outcome, b.outcome, key=_WORST.index)
        return JobRun(a.job, outcome, a.seconds + b.seconds, a.rows + b.rows)

    by_job: dict[str, list[JobRun]] = {}
    for row in rows:
        run = JobRun(row["job"], row["outcome"], row["seconds"], row["rows"] or 0)
        by_job.setdefault(run.job, []).append(run)
    return tuple(reduce(merged, runs) for runs in by_job.values())


def _load(measures: tuple[Measure, ...], notes: Notes) -> tuple[Panel, ...]:
    """Draw what the load of the day read, by source, as ingest measured it."""
    by_source: dict[str, dict[str, float]] = defaultdict(dict)
    for measure in measures:
        if measure.job == "ingest" and measure.name in _LOAD and "source" in measure.labels:
            by_source[measure.labels["source"]][measure.name] = measure.value
    if not by_source:
        return ()
    sums = {name: sum(row.get(name, 0) for row in by_source.values()) for name in _LOAD}
    rows = [
        (source, *(fmt.count(row.get(name, 0)) for name in _LOAD))
        for source, row in sorted(by_source.items())
    ]
    if len(rows) > 1:
        rows.append(("all", *(fmt.count(sums[name]) for name in _LOAD)))
    summary = (
        f"Of {fmt.plural(round(sums['rows_read']), 'row')} read on {fmt.day(notes.day)}, "
        f"{fmt.count(sums['rows_repeated'])} repeated what the bank held or were older, and "
        f"{fmt.count(sums['rows_late'])} came late."
    )
    grid = Grid(("Source", *_LOAD.values()), tuple(rows))
    return (Panel("Rows of this load", summary, grid=grid, wide=True),)


def _quarantine(quarantine: tuple[tuple[str, str, int], ...], held: int) -> tuple[Panel, ...]:
    if not held:
        return ()
    sources = sorted({source for source, _, _ in quarantine})
    cells = {(rule, source): n for source, rule, n in quarantine}
    sums: dict[str, int] = defaultdict(int)
    for _, rule, n in quarantine:
        sums[rule] += n
    rules = sorted(sums, key=lambda rule: (-sums[rule], rule))
    most = max(cells.values())
    summary = (
        f"The most frequent fault is {rules[0].replace('_', ' ')}: "
        f"{fmt.count(sums[rules[0]])} of {fmt.plural(held, 'row')} "
        f"({fmt.share(sums[rules[0]], held)})."
    )
    if len(sources) > _MOST_COLUMNS:
        order = sorted(cells, key=lambda cell: (-cells[cell], cell))
        grid = Grid(
            ("Rule", "Source", "Rows"),
            tuple((rule.replace("_", " "), s, fmt.count(cells[rule, s])) for rule, s in order),
            text_columns=2,
            shades=tuple((None, None, cells[cell] / most) for cell in order),
        )
    else:
        rows = tuple(
            (
                rule.replace("_", " "),
                *(fmt.count(cells[rule, s]) if (rule, s) in cells else "" for s in sources),
                fmt.count(sums[rule]),
            )
            for rule in rules
        )
        shades = tuple(
            (None, *(cells[r, s] / most if (r, s) in cells else None for s in sources), None)
            for r in rules
        )
        grid = Grid(("Rule", *sources, "All"), rows, shades=shades)
    return (Panel("Rows in quarantine by rule and source", summary, grid=grid, wide=True),)


def _jobs(runs: tuple[JobRun, ...]) -> tuple[Panel, ...]:
    if not runs:
        return ()
    seconds = sum(run.seconds for run in runs)
    slowest = max(runs, key=lambda run: run.seconds)
    unfinished = [run for run in runs if run.outcome not in ("done", "unchanged")]
    summary = (
        f"{fmt.plural(len(runs), 'job')} took {fmt.number(seconds)} seconds; "
        f"{slowest.job} took the most ({fmt.number(slowest.seconds)})."
    )
    if unfinished:
        named = [f"{run.job} was {_OUTCOMES.get(run.outcome, run.outcome)}" for run in unfinished]
        summary += f" {fmt.listed(named)}.".replace("was failed", "failed")
    order = sorted(runs, key=lambda run: -run.seconds)
    texts = [
        f"{fmt.number(run.seconds)} s" + ("" if run.outcome == "done" else f", {run.outcome}")
        for run in order
    ]
    hovers = [
        f"{text}, {fmt.plural(run.rows, 'row')} written"
        for run, text in zip(order, texts, strict=True)
    ]
    names, values = [run.job for run in order], [run.seconds for run in order]
    return (Panel("Seconds by job", summary, charts.bars(names, values, texts, hovers=hovers)),)


def _measures(measures: tuple[Measure, ...]) -> tuple[Panel, ...]:
    if not measures:
        return ()
    rows = tuple(
        (
            m.job,
            m.name.replace("_", " "),
            ", ".join(f"{key} {value}" for key, value in sorted(m.labels.items())),
            fmt.short_number(m.value),
        )
        for m in measures
    )
    summary = f"{fmt.plural(len(rows), 'figure')} noted by the jobs of the day, as in ops.metric."
    grid = Grid(("Job", "Figure", "Of", "Value"), rows, text_columns=3)
    return (Panel("What the jobs measured", summary, grid=grid, folded=True),)
