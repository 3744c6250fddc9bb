"""What was done last: the runs of ops.run that still count, by part and by job."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

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
class LastRun:
    """The last run of the same part that was done."""

    day: date
    config_hash: str
    logic_version: int
    read: dict[str, int]
    started: datetime


_PartKey = tuple[str, tuple[str, ...]]  # job, its nodes sorted


@dataclass(frozen=True)
class History:
    """The last done run of each part, and the latest day of each job.

    What was rolled back was never done; the rollback stands for the run that it went back to.
    """

    parts: dict[_PartKey, LastRun] = field(default_factory=dict)
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
        last = LastRun(
            record.day, record.config_hash, record.logic_version, record.read, record.started
        )
        part = (record.job, tuple(sorted(record.nodes)))
        latest = max(record.day, self.days.get(record.job, record.day))
        return History(self.parts | {part: last}, self.days | {record.job: latest})


def history_of(runs: "pa.Table") -> History:
    """Read the history out of rows of ops.run.

    Args:
        runs: job, nodes, day, outcome, config_hash, logic_version, read, started; rows with another
            outcome than done and rolled back do not count.
    """
    rows = runs.select(["job", "nodes", "outcome", "day", "started"]).to_pylist()
    undone: dict[str, datetime] = {}
    for row in rows:
        if row["outcome"] == ROLLED_BACK:
            undone[row["job"]] = max(row["started"], undone.get(row["job"], row["started"]))
    newest: dict[_PartKey, int] = {}
    days: dict[str, date] = {}
    for number, row in enumerate(rows):
        job, started = row["job"], row["started"]
        if row["outcome"] not in (DONE, ROLLED_BACK) or started < undone.get(job, started):
            continue
        part = (job, tuple(sorted(row["nodes"])))
        if part not in newest or started > rows[newest[part]]["started"]:
            newest[part] = number
        days[job] = max(row["day"], days.get(job, row["day"]))
    # their maps are long, and few of them are the newest of a part
    shown = runs.select(["day", "config_hash", "logic_version", "read", "started"])
    taken = shown.take(list(newest.values())).to_pylist() if newest else []
    return History(dict(zip(newest, map(_last_run, taken), strict=True)), days)


def _last_run(row: dict[str, Any]) -> LastRun:
    return LastRun(**row | {"read": dict(row["read"])})
