"""ops.run and ops.metric: what every run leaves behind, and what the next one learns from it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from pyspark.sql import Window, functions as F

from databank.runs.context import LastRun
from databank.tables import Store
from databank.tables.ops import METRIC, RUN

DONE, ROLLED_BACK = "done", "rolled back"


@dataclass(frozen=True)
class RunRecord:
    """One row of ops.run."""

    run_id: str
    job: str
    nodes: tuple[str, ...]
    day: date
    outcome: str
    message: str | None
    config_hash: str
    logic_version: int
    read: dict[str, int]
    written: dict[str, int]
    rows: dict[str, int]
    started: datetime
    seconds: float


@dataclass(frozen=True)
class History:
    """The last done run of each part, and the latest day of each job.

    What was rolled back was never done; the rollback stands for the run that it went back to.
    """

    parts: dict[tuple[str, tuple[str, ...]], LastRun] = field(default_factory=dict)
    days: dict[str, date] = field(default_factory=dict)

    def last(self, job: str, nodes: tuple[str, ...]) -> LastRun | None:
        """The last done run of a part."""
        return self.parts.get((job, tuple(sorted(nodes))))

    def superseded_by_other_part(self, job: str, nodes: tuple[str, ...], last: LastRun) -> bool:
        """Whether a later run of another part has built some of the same nodes."""
        mine = set(nodes)
        return any(
            other.started > last.started and (not part or not mine or mine & set(part))
            for (name, part), other in self.parts.items()
            if name == job
        )

    def latest_day(self, job: str) -> date | None:
        """The latest day for which a job was done."""
        return self.days.get(job)

    def with_run(self, record: RunRecord) -> "History":
        """The history after one more done run."""
        part = (record.job, tuple(sorted(record.nodes)))
        last = LastRun(
            record.day, record.config_hash, record.logic_version, record.read, record.started
        )
        latest = max(record.day, self.days.get(record.job, record.day))
        return History(self.parts | {part: last}, self.days | {record.job: latest})


def read_history(store: Store) -> History:
    """Read ops.run; a row per part of the bank, so small enough for the driver."""
    runs = store.ledger(RUN)
    if runs is None:
        return History()
    undone = F.max(F.when(F.col("outcome") == ROLLED_BACK, F.col("started")))
    newest = (
        runs.where(F.col("outcome").isin(DONE, ROLLED_BACK))
        .withColumn("undone", undone.over(Window.partitionBy("job")))
        .where("undone IS NULL OR started >= undone")
        .groupBy("job", F.array_sort("nodes").alias("part"))
        .agg(
            F.max_by(
                F.struct("day", "config_hash", "logic_version", "read", "started"), "started"
            ).alias("r"),
            F.max("day").alias("latest"),
        )
    )
    history = History()
    days = dict(history.days)
    parts = dict(history.parts)
    for row in newest.collect():
        # Spark hands out the hour of this machine without its zone; runs of this process have one
        last = row["r"].asDict() | {"started": row["r"]["started"].astimezone(UTC)}
        parts[(row["job"], tuple(row["part"]))] = LastRun(**last)
        days[row["job"]] = max(row["latest"], days.get(row["job"], row["latest"]))
    return History(parts, days)


def record_of(store: Store, run_id: str) -> RunRecord | None:
    """The row of ops.run of one run; None if the run ended before it wrote one."""
    runs = store.ledger(RUN)
    row = None if runs is None else runs.where(F.col("run_id") == run_id).first()
    return None if row is None else RunRecord(**row.asDict() | {"nodes": tuple(row["nodes"])})


def write(
    store: Store,
    history: History,
    record: RunRecord,
    metrics: list[tuple[str, dict[str, str], float]],
) -> History:
    """Append the record and its metrics; a done run becomes part of the history."""
    row = tuple(
        list(value) if isinstance(value, tuple) else value for value in vars(record).values()
    )
    rows = store.small(RUN, [row])
    store.append(RUN, rows, checked=True)
    if metrics and record.outcome in (DONE, "refused"):
        figures = [(record.run_id, record.job, record.day, *figure) for figure in metrics]
        store.append(METRIC, store.small(METRIC, figures), checked=True)
    return history.with_run(record) if record.outcome == DONE else history
