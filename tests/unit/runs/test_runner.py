"""Runs: record, skip what is unchanged, refuse, one at a time."""

import json
import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from databank.config import Settings
from databank.errors import DataBankError, GateRefusedError, LeaseHeldError
from databank.runs import Context, Job, Outcome, Progress, Runner, StepResult
from databank.tables import Column, TableSpec
from tests.support.plain_store import ListLedger, PlainStore
from tests.unit.runs.world import AHEAD, a_living_holder

IN = TableSpec(
    name="core.given",
    grain="one row per id",
    owner="give",
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


class World:
    """A bank in plain Python, with one table that the job reads."""

    def __init__(self, root: Path) -> None:
        self.root, self.ledger, self.store = root, ListLedger(), PlainStore(root)
        self.give(1)

    def give(self, number: int) -> None:
        self.store.start_run(f"given-{number}", [IN])
        self.store.append(IN, self.store.small(IN, [(number,)]))
        self.store.publish("give", DAY)

    def runner(self) -> Runner:
        """Another process: it knows what the ledger and the tables hold."""
        quiet = Progress(quiet=True)
        return Runner(self.store, Settings(), ledger=self.ledger, progress=quiet)

    def run(
        self, *, day: date = DAY, config: object = None, hash_: str = "h", job: Job = JOB
    ) -> Outcome:
        return self.runner().run(job, config, day=day, config_hash=hash_)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_run_leaves_a_record_and_its_figures(world: World) -> None:
    assert world.run().outcome == "done"
    [record] = world.ledger.records
    assert (record.job, record.day, record.outcome) == ("copy", DAY, "done")
    assert (record.read, record.written, record.rows) == (
        {"core.given": 0, "identity.erased_person": -1},
        {"core.made": 0},
        {"core.made": 1},
    )
    assert (record.config_hash, record.logic_version) == ("h", 1)
    assert world.ledger.metrics == [(record.run_id, ("copied", {"table": "made"}, 1.0))]


def test_the_same_run_again_does_nothing_until_something_changes(world: World) -> None:
    assert world.run().outcome == "done"
    assert world.run().outcome == "unchanged"
    assert world.run(hash_="changed").outcome == "done"
    world.give(2)
    assert world.run(hash_="changed").outcome == "done"
    assert world.run(hash_="changed", day=date(2026, 2, 1)).outcome == "done"


def test_another_version_of_the_logic_does_it_again(world: World) -> None:
    seen: list[bool] = []

    def look(context: Context, config: object) -> StepResult:
        seen.append(context.same_logic_as_last)
        assert (context.last_read(IN) == 0) == context.same_logic_as_last
        return copy_rows(context, config)

    watched = replace(JOB, step=look)
    assert world.run(job=watched).outcome == "done"
    # another function, or the same one written otherwise, is no other logic
    assert world.run(job=replace(JOB, step=lambda *_: StepResult())).outcome == "unchanged"
    again = replace(watched, logic_version=2)
    assert [world.run(job=again).outcome for _ in range(2)] == ["done", "unchanged"]
    assert world.run(job=again, day=date(2026, 2, 1)).outcome == "done"
    assert seen == [False, False, True]


def test_parts_of_a_job_follow_those_of_another_process(world: World) -> None:
    def parts(day: date) -> list[str]:
        runner = world.runner()
        return [
            runner.run(JOB, None, day=day, config_hash="h", nodes=nodes).outcome
            for nodes in (("a", "b"), ("b", "c"))
        ]

    assert parts(DAY) == ["done", "done"]
    # the second part has built b, too, so that the first is made again, and with it the second
    assert parts(DAY) == ["done", "done"]
    assert parts(date(2026, 2, 1)) == ["done", "done"]


def test_an_older_day_than_the_last_one_is_refused(world: World) -> None:
    runner = world.runner()
    runner.run(JOB, None, day=DAY, config_hash="h")
    outcome = runner.run(JOB, None, day=date(2026, 1, 30), config_hash="h")
    # what the run before it did is not its work
    assert (world.ledger.records[-1].read, world.ledger.records[-1].written) == ({}, {})
    assert outcome.outcome == "failed"
    assert "2026-01-31" in str(outcome.error)


@pytest.mark.parametrize(
    ("error", "name"), [(GateRefusedError("no"), "refused"), (DataBankError("no"), "failed")]
)
def test_what_an_unfinished_run_wrote_is_not_published(
    world: World, error: Exception, name: str
) -> None:
    outcome = world.run(config=error)
    assert (outcome.outcome, outcome.error) == (name, error)
    assert not world.store.is_published(OUT)
    assert world.run().outcome == "done"


def test_a_bug_is_recorded_and_raised(world: World) -> None:
    with pytest.raises(KeyError):
        world.run(config=KeyError("bug"))
    assert [record.outcome for record in world.ledger.records] == ["error"]


def lease(root: Path, **changed: object) -> Path:
    """The lease of a living run on this machine, or what is changed of it."""
    path = root / "_lease" / "copy"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(a_living_holder() | changed))
    return path


@pytest.mark.parametrize("heartbeat", [AHEAD, "2020-01-01T00:00:00+00:00"])
def test_a_living_run_is_named_however_long_it_was_silent(world: World, heartbeat: str) -> None:
    lease(world.root, heartbeat=heartbeat)
    with pytest.raises(LeaseHeldError, match=f"pid {os.getpid()}, run 'other'"):
        world.run()


def test_a_lease_that_is_just_being_written_is_waited_for(world: World) -> None:
    lease(world.root).write_text("")
    with pytest.raises(LeaseHeldError, match="another run holds"):
        world.run()


def test_a_living_run_on_another_host_is_waited_for(world: World) -> None:
    lease(world.root, host="elsewhere")
    with pytest.raises(LeaseHeldError, match="host 'elsewhere'"):
        world.run()


def test_a_container_of_the_same_name_is_another_machine(world: World) -> None:
    lease(world.root, machine="another boot pid:[1]", pid=2**22 + 1)
    with pytest.raises(LeaseHeldError, match="another run holds"):
        world.run()


@pytest.mark.parametrize(
    "stale",
    [
        {"pid": 2**22 + 1},
        {"started": 1},
        {"host": "elsewhere", "heartbeat": "2020-01-01T00:00:00+00:00"},
        {"host": "elsewhere", "heartbeat": AHEAD},
        {"heartbeat": None},
        {"heartbeat": "2026-01-01T00:00:00"},
        {"heartbeat": "\x1b[31m"},
        {"pid": "many"},
        {"run_id": 7},
    ],
    ids=str,
)
def test_a_stale_lease_is_taken_over_and_given_back(world: World, stale: dict[str, object]) -> None:
    path = lease(world.root, **stale)
    os.utime(path, (0, 0))
    assert world.run().outcome == "done"
    assert not path.exists()


def test_a_clock_that_is_ahead_is_named_with_the_file(world: World) -> None:
    path = lease(world.root, host="elsewhere", heartbeat=AHEAD)
    with pytest.raises(LeaseHeldError, match=r"2100-01-01 00:00:00 UTC; the clock here") as held:
        world.run()
    assert str(path) in str(held.value)


def test_a_folder_in_the_place_of_a_lease_ends_with_its_time(world: World) -> None:
    path = world.root / "_lease" / "copy"
    (path / "within").mkdir(parents=True)
    with pytest.raises(LeaseHeldError, match="the file says no time"):
        world.run()
    os.utime(path, (0, 0))
    assert world.run().outcome == "done"
    assert not path.exists()


@pytest.mark.parametrize("text", ["[1, 2]", "7", "null", "{", "\x00"])
def test_a_lease_of_odd_content_ends_with_its_time(world: World, text: str) -> None:
    path = lease(world.root)
    path.write_text(text)
    with pytest.raises(LeaseHeldError, match="another run holds"):
        world.run()
    os.utime(path, (0, 0))
    assert world.run().outcome == "done"


@pytest.mark.parametrize("taken", [True, False], ids=["by another run", "removed"])
def test_a_run_that_lost_its_lease_writes_and_publishes_nothing(
    world: World, *, taken: bool
) -> None:
    path = world.root / "_lease" / "copy"

    def lose(point: str) -> None:
        if point == f"after:{OUT.name}":
            path.unlink()
            if taken:
                lease(world.root)

    world.store.fault = lose
    outcome = world.run()
    assert outcome.outcome == "failed"
    assert "while this run was paused; it ends and publishes nothing" in str(outcome.error)
    assert ("run other took" in str(outcome.error)) == taken
    assert not world.store.is_published(OUT)
    # only its own lease is given back
    assert path.exists() == taken


def test_what_a_killed_run_left_in_scratch_goes_with_the_next_run_of_the_job(world: World) -> None:
    scratch = world.root / "_scratch"
    for run_id in ("20260101-copy-0a1b2c3d", "20260101-build_copy-0a1b2c3d", "other"):
        (scratch / run_id / "parsed").mkdir(parents=True)
    assert world.run().outcome == "done"
    assert sorted(path.name for path in scratch.iterdir()) == [
        "20260101-build_copy-0a1b2c3d",
        "other",
    ]


def test_what_another_process_has_run_counts(world: World) -> None:
    later = Runner(world.store, Settings(), ledger=world.ledger, progress=Progress(quiet=True))
    earlier = Runner(world.store, Settings(), ledger=world.ledger, progress=Progress(quiet=True))
    latest = replace(JOB, latest_only=True, outside=lambda *_: True)
    assert later.run(latest, None, day=DAY, config_hash="h").outcome == "done"
    outcome = earlier.run(latest, None, day=DAY - timedelta(days=1), config_hash="h")
    assert f"was published for {DAY}" in str(outcome.error)


def test_a_root_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    root = tmp_path / "file"
    root.write_text("not a folder")
    runner = Runner(
        PlainStore(root), Settings(), ledger=ListLedger(), progress=Progress(quiet=True)
    )
    with pytest.raises(DataBankError, match="cannot write there"):
        runner.run(JOB, None, day=DAY, config_hash="h")
