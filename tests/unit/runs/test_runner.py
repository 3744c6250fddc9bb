"""Runs: record, skip what is unchanged, refuse, one at a time."""

import json
import os
import socket
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.config import Settings
from databank.errors import DataBankError, GateRefusedError, LeaseHeldError
from databank.runs import Context, Job, Outcome, Progress, Runner, StepResult
from databank.tables import Column, DeltaStore, TableSpec
from databank.tables.ops import METRIC, RUN

IN = TableSpec(
    name="core.given",
    grain="one row per id",
    owner="other",
    columns=(Column("id", "bigint", "id"),),
)
OUT = TableSpec(
    name="core.made",
    grain="one row per id",
    owner="copy",
    key=("id",),
    columns=(Column("id", "bigint", "id"),),
)
DAY = date(2026, 1, 31)


def copy_rows(context: Context, config: object) -> StepResult:
    context.store.replace(OUT, context.store.read(IN))
    context.metric("copied", 1, table="made")
    if isinstance(config, Exception):
        raise config
    return StepResult({"rows": 1})


JOB = Job(name="copy", step=copy_rows, tables=(OUT,))


@pytest.fixture
def root(spark_session: SparkSession, tmp_path: Path) -> str:
    give(DeltaStore(spark_session, str(tmp_path)), 1)
    return str(tmp_path)


def give(store: DeltaStore, number: int) -> None:
    store.start_run(f"given-{number}", [IN])
    store.append(IN, store.small(IN, [(number,)]))
    store.publish("give", DAY)


def run(
    spark: SparkSession, root: str, *, day: date = DAY, config: object = None, hash_: str = "h"
) -> Outcome:
    runner = Runner(spark, root, Settings(), progress=Progress(quiet=True))
    return runner.run(JOB, config, day=day, config_hash=hash_)


def test_a_run_leaves_a_record_and_its_figures(spark_session: SparkSession, root: str) -> None:
    assert run(spark_session, root).outcome == "done"
    store = DeltaStore(spark_session, root)
    read = spark_session.read.format("delta")
    row = read.load(store.path(RUN)).collect()[0]
    assert (row["job"], row["day"], row["outcome"]) == ("copy", DAY, "done")
    assert (row["read"], row["written"], row["rows"]) == (
        {"core.given": 0, "identity.forgotten": -1},
        {"core.made": 0},
        {"core.made": 1},
    )
    figure = read.load(store.path(METRIC)).collect()[0]
    assert (figure["name"], figure["labels"], figure["value"]) == ("copied", {"table": "made"}, 1.0)


def test_the_same_run_again_does_nothing_until_something_changes(
    spark_session: SparkSession, root: str
) -> None:
    assert run(spark_session, root).outcome == "done"
    assert run(spark_session, root).outcome == "unchanged"
    assert run(spark_session, root, hash_="other").outcome == "done"
    give(DeltaStore(spark_session, root), 2)
    assert run(spark_session, root, hash_="other").outcome == "done"
    assert run(spark_session, root, hash_="other", day=date(2026, 2, 1)).outcome == "done"


def test_parts_of_a_job_follow_those_of_another_process(
    spark_session: SparkSession, root: str
) -> None:
    def parts(day: date) -> list[str]:
        runner = Runner(spark_session, root, Settings(), progress=Progress(quiet=True))
        return [
            runner.run(JOB, None, day=day, config_hash="h", nodes=nodes).outcome
            for nodes in (("a", "b"), ("b", "c"))
        ]

    assert parts(DAY) == ["done", "done"]
    # the second part has built b, too, so that the first is made again, and with it the second
    assert parts(DAY) == ["done", "done"]
    assert parts(date(2026, 2, 1)) == ["done", "done"]


def test_an_older_day_than_the_last_one_is_refused(spark_session: SparkSession, root: str) -> None:
    run(spark_session, root)
    outcome = run(spark_session, root, day=date(2026, 1, 30))
    assert outcome.outcome == "failed"
    assert "2026-01-31" in str(outcome.error)


@pytest.mark.parametrize(
    ("error", "told"), [(GateRefusedError("no"), "refused"), (DataBankError("no"), "failed")]
)
def test_what_an_unfinished_run_wrote_is_not_published(
    spark_session: SparkSession, root: str, error: Exception, told: str
) -> None:
    outcome = run(spark_session, root, config=error)
    assert (outcome.outcome, outcome.error) == (told, error)
    assert not DeltaStore(spark_session, root).is_published(OUT)
    assert run(spark_session, root).outcome == "done"


def test_a_bug_is_recorded_and_raised(spark_session: SparkSession, root: str) -> None:
    with pytest.raises(KeyError):
        run(spark_session, root, config=KeyError("bug"))
    store = DeltaStore(spark_session, root)
    row = spark_session.read.format("delta").load(store.path(RUN)).collect()[0]
    assert row["outcome"] == "error"


def lease(root: str, **changed: object) -> Path:
    held = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "run_id": "other",
        "heartbeat": "2100-01-01T00:00:00+00:00",
    }
    path = Path(root, "_lease", "copy")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(held | changed))
    return path


def test_a_living_run_is_named(spark_session: SparkSession, root: str) -> None:
    lease(root)
    with pytest.raises(LeaseHeldError, match=f"pid {os.getpid()}, run other"):
        run(spark_session, root)


def test_a_lease_that_is_just_being_written_is_waited_for(
    spark_session: SparkSession, root: str
) -> None:
    lease(root).write_text("")
    with pytest.raises(LeaseHeldError, match="another run holds"):
        run(spark_session, root)


def test_a_living_run_on_another_host_is_waited_for(spark_session: SparkSession, root: str) -> None:
    lease(root, host="elsewhere")
    with pytest.raises(LeaseHeldError, match="host elsewhere"):
        run(spark_session, root)


@pytest.mark.parametrize(
    "stale",
    [
        {"pid": 2**22 + 1},
        {"host": "elsewhere", "heartbeat": "2020-01-01T00:00:00+00:00"},
        {"heartbeat": None},
    ],
    ids=["dead here", "silent elsewhere", "cut short"],
)
def test_a_stale_lease_is_taken_over_and_given_back(
    spark_session: SparkSession, root: str, stale: dict[str, object]
) -> None:
    path = lease(root, **stale)
    os.utime(path, (0, 0))
    assert run(spark_session, root).outcome == "done"
    assert not path.exists()


def test_a_root_that_cannot_be_written_is_named(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    root = tmp_path / "file"
    root.write_text("not a folder")
    with pytest.raises(DataBankError, match="cannot write there"):
        run(spark_session, str(root))
