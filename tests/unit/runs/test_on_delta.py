"""What runs and rollbacks leave in Delta, and read there: the ledgers, versions and files."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.config import Settings
from databank.errors import DataBankError
from databank.runs import Context, Job, Progress, Runner, StepResult
from databank.tables import DeltaStore, Store
from databank.tables.ops import METRIC, RUN
from tests.unit.runs.test_runner import DAY, IN, OUT
from tests.unit.runs.world import FIRST, MADE, SECOND, THIRD, Made


def copy_rows(context: Context, config: object) -> StepResult:
    context.store.replace(OUT, context.store.read(IN))
    context.metric("copied", 1, table="made")
    return StepResult({"rows": 1})


JOB = Job(name="copy", step=copy_rows, tables=(OUT,))
QUIET = Progress(quiet=True)


@pytest.fixture
def store(spark_session: SparkSession, tmp_path: Path) -> DeltaStore:
    made = DeltaStore(spark_session, str(tmp_path))
    made.start_run("given", [IN])
    made.append(IN, made.small(IN, [(1,)]))
    made.publish("give", DAY)
    return made


def test_a_record_is_written_and_the_next_process_goes_by_it(store: DeltaStore) -> None:
    def run(day: date, *nodes: str) -> str:
        again = DeltaStore(store.spark, store.root)
        runner = Runner(again, Settings(), progress=QUIET)
        return runner.run(JOB, None, day=day, config_hash="h", nodes=nodes).outcome

    assert run(DAY) == "done"
    [row] = (store.ledger(RUN) or pytest.fail("no ops.run")).collect()
    assert (row["job"], row["day"], row["outcome"]) == ("copy", DAY, "done")
    assert (row["read"], row["written"], row["rows"]) == (
        {"core.given": 0, "identity.erased_person": -1},
        {"core.made": 0},
        {"core.made": 1},
    )
    [figure] = (store.ledger(METRIC) or pytest.fail("no ops.metric")).collect()
    assert (figure["name"], figure["labels"], figure["value"]) == ("copied", {"table": "made"}, 1.0)
    assert run(DAY) == "unchanged"
    # a part of other nodes is another part; one that another has built since is made again
    assert [run(DAY, "b", "a"), run(DAY, "a", "b")] == ["done", "unchanged"]
    assert [run(DAY, "b", "c"), run(DAY, "a", "b")] == ["done", "done"]


def test_a_refused_run_is_not_recorded_as_one_that_published(store: DeltaStore) -> None:
    def step(context: Context, config: object) -> StepResult:
        if config is None:
            return copy_rows(context, config)
        context.store.upsert(OUT, context.store.small(OUT, []))
        raise DataBankError(str(config))

    job = Job(name="copy", step=step, tables=(OUT,))
    for hash_, config in (("a", None), ("b", "no room")):
        runner = Runner(DeltaStore(store.spark, store.root), Settings(), progress=QUIET)
        runner.run(job, config, day=DAY, config_hash=hash_)
    runs = store.ledger_rows(RUN)
    assert runs is not None
    rows = runs.sort_by("started").select(["outcome", "written"]).to_pylist()
    # the merge of nothing left the published version as it was
    assert [(row["outcome"], dict(row["written"])) for row in rows] == [
        ("done", {OUT.name: 0}), ("failed", {}),
    ]  # fmt: skip


@pytest.fixture
def bank(spark_session: SparkSession, tmp_path: Path) -> Made:
    return Made(DeltaStore(spark_session, str(tmp_path)))


def was_rolled_back(store: Store, since: int) -> bool:
    feed = store.feed(MADE, since)
    return feed is not None and feed.was_rolled_back()


@pytest.mark.nightly
def test_a_rollback_restores_versions_and_readers_of_changes_see_it(bank: Made) -> None:
    bank.run(SECOND, 2)
    bank.run(THIRD, 3)
    since = bank.reader().published[MADE.name]
    # a run that was not published is in the way
    bank.run(THIRD, 9, preview=True)
    scratch = bank.root / "_scratch"
    assert not scratch.exists() or not any(scratch.iterdir())
    bank.back(SECOND)
    assert bank.rows() == ([1, 2], [2])
    assert was_rolled_back(bank.reader(), since)
    with pytest.raises(RuntimeError, match="went back beyond version"):
        bank.reader().changes(MADE, since)
    assert bank.run(SECOND, 2).outcome == "unchanged"
    assert bank.run(THIRD, 3).outcome == "done"
    assert bank.rows() == ([1, 2, 3], [3])
    assert was_rolled_back(bank.reader(), since)
    assert not was_rolled_back(bank.reader(), bank.reader().published[MADE.name])
    bank.back(FIRST)
    assert bank.rows() == ([1], [])
    runs = bank.store.ledger(RUN) or pytest.fail("no ops.run")
    rows = runs.where("outcome = 'rolled back'").orderBy("started").collect()
    assert [(row["day"], row["config_hash"]) for row in rows] == [(SECOND, "2"), (FIRST, "1")]


def test_a_version_whose_files_are_gone_is_no_state_to_go_back_to(bank: Made) -> None:
    bank.run(SECOND, 2)
    for file in bank.root.glob("core/made/*.parquet"):
        file.unlink()
    with pytest.raises(DataBankError, match=r"core\.made: version 0, that of 2026-01-29, cannot"):
        bank.back(FIRST)
    assert bank.reader().published == {"core.made": 1, "core.later": 0}
