"""ops.run and ops.metric: what every run leaves behind, and what the next one learns from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

from pyspark.sql import Window, functions as F

from databank.runs.context import LastRun
from databank.tables import Store
from databank.tables.ops import METRIC, RUN

DONE, ROLLED_BACK = "done", "rolled back"
Metric = tuple[str, dict[str, str], float]  # name, labels, value


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
        """Give the last done run of a part."""
        return self.parts.get((job, tuple(sorted(nodes))))

    def superseded_by_other_part(self, job: str, nodes: tuple[str, ...], last: LastRun) -> bool:
        """Tell whether a later run of another part has built some of the same nodes."""
        built = set(nodes)
        return any(
            later.started > last.started and (not part or not built or built & set(part))
            for (name, part), later in self.parts.items()
            if name == job
        )

    def latest_day(self, job: str) -> date | None:
        """Give the latest day for which a job was done."""
        return self.days.get(job)

    def with_run(self, record: RunRecord) -> "History":
        """Give the history after one more done run."""
        part = (record.job, tuple(sorted(record.nodes)))
        last = LastRun(
            record.day, record.config_hash, record.logic_version, record.read, record.started
        )
        latest = max(record.day, self.days.get(record.job, record.day))
        return History(self.parts | {part: last}, self.days | {record.job: latest})


class Ledger(Protocol):
    """What remembers runs: ops.run and ops.metric, or a list in tests."""

    def version(self) -> int:
        """Tell which state it is in; it grows by one with each record."""
        ...

    def history(self) -> History:
        """Read what was done last, by part and by job."""
        ...

    def record_of(self, run_id: str) -> RunRecord | None:
        """Read the record of one run; None if the run ended before it wrote one."""
        ...

    def append(self, record: RunRecord, metrics: Sequence[Metric]) -> None:
        """Write the record of a run, and what it measured."""
        ...


class StoreLedger:
    """The ledger that a store keeps in ops.run and ops.metric."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def version(self) -> int:
        """Give the version of ops.run."""
        newest = self._store.newest_version(RUN)
        return -1 if newest is None else newest

    def history(self) -> History:
        """Read ops.run; a row per part of the bank, so small enough for the driver.

        Raises:
            ForeignCommitError: If somebody else has altered it.
        """
        runs = self._store.ledger(RUN)
        if runs is None:
            return History()
        self._store.refuse_altered(RUN)
        undone = F.max(F.when(F.col("outcome") == ROLLED_BACK, F.col("started")))
        newest = (
            runs.where(F.col("outcome").isin(DONE, ROLLED_BACK))
            .withColumn("undone", undone.over(Window.partitionBy("job")))
            .where("undone IS NULL OR started >= undone")
            .groupBy("job", F.array_sort("nodes").alias("part"))
            .agg(
                F.max_by(F.struct(*LastRun.__dataclass_fields__), "started").alias("r"),
                F.max("day").alias("latest"),
            )
        )
        parts: dict[tuple[str, tuple[str, ...]], LastRun] = {}
        days: dict[str, date] = {}
        for row in newest.collect():
            last = LastRun(**row["r"].asDict() | {"started": _with_zone(row["r"]["started"])})
            parts[(row["job"], tuple(row["part"]))] = last
            days[row["job"]] = max(row["latest"], days.get(row["job"], row["latest"]))
        return History(parts, days)

    def record_of(self, run_id: str) -> RunRecord | None:
        """Read the row of ops.run of one run; None if the run ended before it wrote one."""
        runs = self._store.ledger(RUN)
        row = None if runs is None else runs.where(F.col("run_id") == run_id).first()
        return None if row is None else RunRecord(**row.asDict() | {"nodes": tuple(row["nodes"])})

    def append(self, record: RunRecord, metrics: Sequence[Metric]) -> None:
        """Write a row of ops.run, and what a run measured that was done or refused."""
        row = [list(v) if isinstance(v, tuple) else v for v in vars(record).values()]
        self._store.append(RUN, self._store.small(RUN, [row]), checked=True)
        if metrics and record.outcome in (DONE, "refused"):
            rows = [(record.run_id, record.job, record.day, *metric) for metric in metrics]
            self._store.append(METRIC, self._store.small(METRIC, rows), checked=True)


def _with_zone(started: datetime) -> datetime:
    """Add the zone: Spark hands out the hour of this machine without one."""
    return started.astimezone(UTC)
