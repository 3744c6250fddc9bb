"""What each job of a loop asks of Spark and Delta: queries, jobs of Spark, commits, seconds."""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from databank.tables.files import LocalFiles
from databank.tables.outside import read_small

_START, _JOB = "SparkListenerSQLExecutionStart", "SparkListenerJobStart"


class Run(NamedTuple):
    """A run of a job, as ops.run has it; times in seconds since 1970."""

    run_id: str
    job: str
    started: float
    seconds: float


def bench_queries(root: Path, loop: Callable[[], None], next_day: Callable[[], None]) -> None:
    """Print the counts of the first loop and of the next day, a line a job.

    Args:
        root: Of the bank.
        loop: Runs `databank run all` for the first day in a process of its own.
        next_day: The same for the next day, whose files it brings in before.
    """
    seen: set[str] = set()
    for title, command in (("first loop", loop), ("next day", next_day)):
        with event_log() as folder:
            command()
            events = [json.loads(line) for path in folder.glob("*") for line in path.open()]
        runs = sorted(
            (run for run in runs_of(root) if run.run_id not in seen), key=lambda run: run.started
        )
        seen |= {run.run_id for run in runs}
        print_counts(title, runs, events, commits_of(root))


@contextmanager
def event_log() -> Iterator[Path]:
    """Have sessions that start in the block write their events into a folder."""
    before = os.environ.get("SPARK_CONF_DIR")
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events"
        events.mkdir()
        options = {"enabled": "true", "dir": events.as_uri(), "rolling.enabled": "false"}
        lines = [f"spark.eventLog.{name} {value}\n" for name, value in options.items()]
        lines.append("spark.eventLog.compress false\n")
        (Path(folder) / "spark-defaults.conf").write_text("".join(lines))
        os.environ["SPARK_CONF_DIR"] = folder
        try:
            yield events
        finally:
            del os.environ["SPARK_CONF_DIR"]
            if before is not None:
                os.environ["SPARK_CONF_DIR"] = before


def runs_of(root: Path) -> list[Run]:
    rows = read_small(str(root), "ops.run")
    if rows is None:
        return []
    columns = rows.select(["run_id", "job", "started", "seconds"]).to_pylist()
    return [
        Run(row["run_id"], row["job"], _seconds(row["started"]), row["seconds"]) for row in columns
    ]


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


def commits_of(root: Path) -> Counter[str]:
    """Count the commits of each run in the logs of all tables."""
    files = LocalFiles(root.as_uri(), root)
    commits: Counter[str] = Counter()
    for log in root.glob("*/*/_delta_log"):
        for commit in files.commits(str(log.parent)):
            commits[commit.run or ""] += 1
    return commits


def print_counts(
    title: str, runs: list[Run], events: list[dict[str, Any]], commits: Counter[str]
) -> None:
    """Print a line for each job, all its parts together; what lies between runs is the runner's."""
    queries = _moments(events, _START, "time")
    jobs = _moments(events, _JOB, "Submission Time")
    print(f"{title:<20} {'queries':>8} {'Spark jobs':>11} {'commits':>8} {'seconds':>8}")
    sums = [0, 0, 0, 0.0]
    for name in dict.fromkeys(run.job for run in runs):
        parts = [run for run in runs if run.job == name]
        counts = [
            sum(_within(run, queries) for run in parts),
            sum(_within(run, jobs) for run in parts),
            sum(commits[run.run_id] for run in parts),
            sum(run.seconds for run in parts),
        ]
        sums = [total + count for total, count in zip(sums, counts, strict=True)]
        print(f"  {name:<18} {counts[0]:8} {counts[1]:11} {counts[2]:8} {counts[3]:8.1f}")
    outside = f"{len(queries) - sums[0]} queries and {len(jobs) - sums[1]} jobs between runs"
    print(f"  {'all':<18} {sums[0]:8} {sums[1]:11} {sums[2]:8} {sums[3]:8.1f}   ({outside})")


def _moments(events: list[dict[str, Any]], kind: str, field: str) -> list[float]:
    """When each began, in seconds since 1970; a query inside of another one counts, too."""
    return [event[field] / 1000 for event in events if event["Event"].endswith(kind)]


def _within(run: Run, moments: list[float]) -> int:
    return sum(run.started <= moment <= run.started + run.seconds for moment in moments)
