"""Without a session it is told whether a job has work, as the runner would tell it."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from pyspark.sql import SparkSession

from databank.config import Settings
from databank.runs import Job, Outcome, Progress, Runner, StepResult
from databank.runs.history import DONE, ROLLED_BACK, RunRecord, history_of
from databank.runs.idle import Part, is_idle
from databank.runs.rollback import roll_back
from databank.sources.build import JOB as INGEST
from databank.sources.config import SourcesConfig
from databank.sources.formats.registry import read_source
from databank.tables import DeltaStore
from databank.tables.ops import RUN
from tests.support.plain_store import ListLedger
from tests.unit.runs.test_runner import IN, OUT, copy_rows
from tests.unit.runs.world import a_living_holder
from tests.unit.sources.world import DAY as LOADED, ORDER, POS, World

QUIET = Progress(quiet=True)
DAYS = [date(2026, 1, day) for day in (29, 30, 31)]
STARTED = datetime.fromisoformat("2026-01-31T10:00:00+00:00")
RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["copy", "make"]),
        st.sampled_from([(), ("a",), ("a", "b"), ("b", "a")]),
        st.sampled_from(DAYS),
        st.sampled_from([DONE, DONE, DONE, ROLLED_BACK, "refused", "error", "previewed"]),
        st.integers(1, 3),
    ),
    max_size=12,
)


@given(RECORDS)
def test_the_history_of_a_table_is_that_of_its_records(rows: list[Any]) -> None:
    ledger = ListLedger()
    for number, (job, nodes, day, outcome, version) in enumerate(rows):
        record = RunRecord(
            f"run-{number}", job, nodes, day, outcome, None, "h", version, {"core.given": number},
            {}, {}, STARTED + timedelta(seconds=number), 1.0,
        )  # fmt: skip
        ledger.append(record, [])
    kinds = {
        "string": pa.string(), "array<string>": pa.list_(pa.string()), "date": pa.date32(),
        "int": pa.int32(), "map<string,bigint>": pa.map_(pa.string(), pa.int64()),
        "timestamp": pa.timestamp("us", "UTC"), "double": pa.float64(),
    }  # fmt: skip
    schema = pa.schema([(column.name, kinds[column.type]) for column in RUN.columns])
    written = pa.Table.from_pylist([vars(record) for record in ledger.records], schema)
    # rows of a table come in any order
    assert history_of(written.sort_by([("started", "descending")])) == ledger.history()


class Bank:
    """A bank of two tables and one job that copies one into the other."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self.spark, self.root = spark, root
        self.job = Job(name="copy", step=copy_rows, tables=(OUT,), rollback=lambda *_: {})
        self.given = 0
        self.give()

    def store(self) -> DeltaStore:
        return DeltaStore(self.spark, str(self.root))

    def give(self) -> None:
        self.given += 1
        store = self.store()
        store.start_run(f"given-{self.given}", [IN])
        store.append(IN, store.small(IN, [(self.given,)]))
        store.publish("give", DAYS[0])

    def run(self, day: date, hash_: str, nodes: tuple[str, ...]) -> Outcome:
        runner = Runner(self.store(), Settings(), progress=QUIET)
        return runner.run(self.job, None, day=day, config_hash=hash_, nodes=nodes)

    def back(self, day: date) -> None:
        roll_back(self.store(), Settings(), self.job, to=day, progress=QUIET)

    def is_idle(self, day: date, hash_: str, nodes: tuple[str, ...]) -> bool:
        return is_idle(str(self.root), [Part(self.job, None, hash_, nodes)], day=day)


@pytest.mark.nightly
def test_it_says_what_the_runner_then_does(spark_session: SparkSession, tmp_path: Path) -> None:
    random, bank = Random(7), Bank(spark_session, tmp_path)
    rounds = []
    for _ in range(16):
        part = random.choice(DAYS), random.choice("hhk"), random.choice([(), (), ("a",), ("b",)])
        # a part that has just been run is asked for once more
        again = part if not rounds else random.choice([part, rounds[-1][0]])
        match random.randrange(6):
            case 0:
                bank.give()
            case 1:
                bank.job = replace(bank.job, logic_version=random.randint(1, 2))
            case 2 if any(outcome == "done" for _, _, outcome in rounds):
                bank.run(again[0], again[1], ("rolled",))
        idle = bank.is_idle(*again)
        rounds.append((again, idle, bank.run(*again).outcome))
    assert [
        (idle, outcome) for _, idle, outcome in rounds if idle != (outcome == "unchanged")
    ] == []
    assert {idle for _, idle, _ in rounds} == {True, False}


def test_a_bank_in_use_altered_or_absent_is_left_to_the_run(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    part = (DAYS[0], "h", ())
    absent = Part(Job("copy", copy_rows, (OUT,)), None, "h")
    assert not is_idle(str(tmp_path / "absent"), [absent], day=DAYS[0])
    assert not is_idle("s3://bucket/bank", [absent], day=DAYS[0])
    (tmp_path / "a%20b").mkdir()
    assert not is_idle(str(tmp_path / "a%20b"), [absent], day=DAYS[0])
    bank = Bank(spark_session, tmp_path)
    assert not bank.is_idle(*part)
    bank.run(*part)
    assert bank.is_idle(*part)
    lease = tmp_path / "_lease" / "copy"
    lease.write_text(str(a_living_holder()))
    assert not bank.is_idle(*part)
    lease.unlink()
    bank.run(DAYS[1], "h", ())
    bank.back(DAYS[0])
    assert bank.is_idle(*part)
    path = bank.store().path(RUN)
    rows = spark_session.read.format("delta").load(path).where("outcome = 'done'").limit(0)
    rows.write.format("delta").mode("overwrite").save(path)
    assert not bank.is_idle(*part)


@pytest.mark.slow
def test_files_that_came_or_changed_are_work(spark_session: SparkSession, tmp_path: Path) -> None:
    world = World(spark_session, tmp_path, (POS,))
    config = SourcesConfig(sources=(read_source(POS),), identifier_order=ORDER)

    def idle(day: date = LOADED) -> bool:
        return is_idle(str(tmp_path), [Part(INGEST, config, "c")], day=day)

    world.put("pos/1.csv", "sold,amount,store,mobile\n2026-01-30 10:00:00,1,x,13912345670\n")
    assert not idle()
    assert world.run().outcome == "done"
    assert (idle(), idle(LOADED + timedelta(days=1))) == (True, False)
    assert world.run().outcome == "unchanged"
    # the first request of a bank, on the day of its last run
    world.request("+8613912345670")
    assert not idle()
    assert world.run().summary["identifiers erased"] == 1
    assert idle()
    killed = tmp_path / "_begun" / "20260131-ingest-0a1b2c3d"
    killed.write_text("")
    assert not idle()
    assert (world.run().outcome, killed.exists(), idle()) == ("done", False, True)
    world.put("pos/2.csv", "sold,amount\n")
    assert not idle()
    # refused for its columns, which it is told once
    refused = world.run()
    assert (refused.outcome, refused.summary["quarantined"]) == ("done", 0)
    assert idle()
    world.put("pos/1.csv", "sold,amount,store,mobile\n2026-01-30 10:00:00,2,x,13912345670\n")
    assert not idle()
    assert "changed after loading" in str(world.run().summary["warning"])
    (tmp_path / "in/pos/1.csv").unlink()
    (tmp_path / "in/pos/2.csv").unlink()
    assert idle()
    assert StepResult(dict(world.run().summary)) == StepResult({})
