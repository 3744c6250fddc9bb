"""Previews and rollbacks of a job: what readers see, and what the next run goes by."""

import json
import os
import socket
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.config import Settings
from databank.errors import DataBankError, LeaseHeldError
from databank.runs import Context, Job, Outcome, Progress, Runner, StepResult
from databank.runs.rollback import roll_back
from databank.tables import Column, DeltaStore, TableSpec
from databank.tables.ops import RUN

FIRST, SECOND, THIRD = (date(2026, 1, day) for day in (29, 30, 31))


def table(name: str) -> TableSpec:
    column = Column("id", "bigint", "id")
    return TableSpec(name, "one row per id", (column,), "make", key=("id",), change_feed=True)


MADE, LATER = table("core.made"), table("core.later")


def make(context: Context, number: int) -> StepResult:
    """A row more in one table; in another one from number 2 on."""
    context.store.append(MADE, context.store.small(MADE, [(number,)]))
    if number > 1:
        context.store.replace(LATER, context.store.small(LATER, [(number,)]))
    return StepResult()


JOB = Job(name="make", step=make, tables=(MADE, LATER), rollback=lambda *_: {"rows": 1})


class Made:
    """A bank in which one job has run."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self.spark, self.root = spark, str(root)

    def run(self, day: date, number: int, *, preview: bool = False) -> Outcome:
        runner = Runner(self.spark, self.root, Settings(), progress=Progress(quiet=True))
        return runner.run(JOB, number, day=day, config_hash=str(number), preview=preview)

    def back(self, to: date) -> Outcome:
        quiet = Progress(quiet=True)
        return roll_back(self.spark, self.root, Settings(), JOB, to=to, progress=quiet)

    def store(self) -> DeltaStore:
        return DeltaStore(self.spark, self.root)

    def rows(self) -> tuple[list[int], list[int]]:
        made, later = (self.store().read(spec).orderBy("id").collect() for spec in (MADE, LATER))
        return [row["id"] for row in made], [row["id"] for row in later]


def was_rolled_back(store: DeltaStore, since: int) -> bool:
    feed = store.feed(MADE, since)
    return feed is not None and feed.was_rolled_back()


@pytest.fixture
def bank(spark_session: SparkSession, tmp_path: Path) -> Made:
    made = Made(spark_session, tmp_path)
    made.run(FIRST, 1)
    return made


def test_a_preview_has_never_been(bank: Made) -> None:
    assert bank.run(FIRST, 1, preview=True).outcome == "previewed"
    assert bank.run(THIRD, 3, preview=True).outcome == "previewed"
    assert bank.rows() == ([1], [])
    assert not Path(bank.root, "_scratch").exists() or not any(
        Path(bank.root, "_scratch").iterdir()
    )
    # neither of its day nor with its configuration was anything done
    assert bank.run(FIRST, 1).outcome == "unchanged"
    assert bank.run(SECOND, 3).outcome == "done"
    assert bank.rows() == ([1, 3], [3])
    assert bank.run(FIRST, 2, preview=True).outcome == "failed"


def test_the_state_of_a_day_comes_back(bank: Made) -> None:
    bank.run(SECOND, 2)
    bank.run(THIRD, 3)
    since = bank.store().published[MADE.name]
    # a run that was not published is in the way
    bank.run(THIRD, 9, preview=True)
    outcome = bank.back(SECOND)
    assert outcome.summary["back to the state of"] == str(SECOND)
    assert bank.rows() == ([1, 2], [2])
    store = bank.store()
    assert was_rolled_back(store, since)
    with pytest.raises(RuntimeError, match="went back beyond version"):
        store.changes(MADE, since)
    with pytest.raises(DataBankError, match=f"make is at its state of {SECOND} already"):
        bank.back(THIRD)
    # what was done on that day is done, what came after it is not
    assert bank.run(FIRST, 1).outcome == "failed"
    assert bank.run(SECOND, 2).outcome == "unchanged"
    assert bank.run(THIRD, 3).outcome == "done"
    assert bank.rows() == ([1, 2, 3], [3])
    assert was_rolled_back(bank.store(), since)
    assert not was_rolled_back(bank.store(), bank.store().published[MADE.name])
    # days that were rolled back are no state to go back to; a table of later days is empty
    bank.back(FIRST)
    assert bank.rows() == ([1], [])
    with pytest.raises(DataBankError, match="already"):
        bank.back(SECOND)
    assert bank.run(FIRST, 4).outcome == "done"
    assert bank.rows() == ([1, 4], [4])
    told = bank.spark.read.format("delta").load(bank.store().path(RUN))
    rows = told.where("outcome = 'rolled back'").orderBy("started").collect()
    assert [(row["day"], row["config_hash"]) for row in rows] == [(SECOND, "2"), (FIRST, "1")]


def test_a_rollback_that_was_killed_before_its_record_is_done_again(
    bank: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.run(SECOND, 2)
    with monkeypatch.context() as broken:
        broken.setattr("databank.runs.rollback.records.write", None)
        with pytest.raises(TypeError):
            bank.back(FIRST)
    assert bank.rows() == ([1], [])
    bank.back(FIRST)
    assert bank.run(FIRST, 2).outcome == "done"


def _vacuumed(root: Path) -> None:
    for file in root.glob("core/made/*.parquet"):
        file.unlink()


def _held(root: Path) -> None:
    held = {"host": socket.gethostname(), "pid": os.getpid(), "run_id": "other"}
    text = json.dumps(held | {"heartbeat": "2100-01-01T00:00:00+00:00"})
    (root / "_lease").mkdir(exist_ok=True)
    (root / "_lease" / "make").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "to", "error", "told"),
    [
        (None, date(2026, 1, 28), DataBankError, f"its first run was for {FIRST}"),
        (None, SECOND, DataBankError, "already"),
        (_vacuumed, FIRST, DataBankError, r"core\.made: version 0, that of 2026-01-29, cannot"),
        (_held, FIRST, LeaseHeldError, "another run holds"),
    ],
)
def test_a_rollback_that_cannot_be_changes_nothing(
    bank: Made,
    spoil: Callable[[Path], None] | None,
    to: date,
    error: type[DataBankError],
    told: str,
) -> None:
    bank.run(SECOND, 2)
    if spoil is not None:
        spoil(Path(bank.root))
    with pytest.raises(error, match=told):
        bank.back(to)
    assert bank.store().published == {"core.made": 1, "core.later": 0}
