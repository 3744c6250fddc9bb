"""What `databank doctor` finds, kind by kind, on a bank that delta-rs wrote: no Spark anywhere."""

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from databank.cli.main import exit_code
from databank.project.doctor import find_damage
from databank.runs.holder import this_process

DAY = date(2026, 1, 31)
RUN_ID = "20260131-ingest-1a2b"


def commit(root: Path, table: str, rows: dict[str, list[Any]], run: str | None = RUN_ID) -> None:
    """Append rows, as a run of databank or as somebody else."""
    given = {"userMetadata": f"databank:{run}"} if run else {}
    write_deltalake(
        f"{root}/{table.replace('.', '/')}",
        pa.table(rows),
        mode="append",
        commit_properties=CommitProperties(custom_metadata=given),
    )


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank in which ingest has published two tables."""
    root = tmp_path_factory.mktemp("sound") / "bank"
    for table in ("core.events", "core.profiles"):
        for number in range(2):
            commit(root, table, {"id": [number, number + 10]})
    written = {"core.events": 1, "core.profiles": 1}
    publications = [("ingest", DAY, RUN_ID, table, 1, 1) for table in written]
    names = ("job", "day", "run_id", "table", "version", "seq")
    columns = dict(zip(names, map(list, zip(*publications, strict=True)), strict=True))
    commit(root, "ops.publish", columns)
    runs = {"run_id": [RUN_ID], "job": ["ingest"], "outcome": ["done"]}
    maps = pa.array([list(written.items())], pa.map_(pa.string(), pa.int64()))
    commit(root, "ops.run", {**runs, "written": maps})
    commit(root, "ops.metric", {"run_id": [RUN_ID], "value": [1.0]})
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "bank"))


def a_file(root: Path, table: str) -> Path:
    return sorted((root / table).glob("*.parquet"))[0]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def spoil(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def delete_publication(root: Path) -> None:
    DeltaTable(str(root / "ops/publish")).delete("\"table\" = 'core.events'")


def lose_publication(root: Path) -> None:
    """By databank's own name, as an older backup would come without it."""
    table = DeltaTable(str(root / "ops/publish"))
    given = CommitProperties(custom_metadata={"userMetadata": "databank:older"})
    table.delete("\"table\" = 'core.events'", commit_properties=given)


DAMAGE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a file is gone": (
        lambda root: a_file(root, "core/events").unlink(),
        "core.events",
        r"\.parquet is gone",
    ),
    "a file is cut": (
        lambda root: cut(a_file(root, "core/events")),
        "core.events",
        r"has \d+ bytes instead of \d+",
    ),
    "a file is overwritten": (
        lambda root: spoil(a_file(root, "core/events")),
        "core.events",
        "is no Parquet file any more",
    ),
    "a table is gone": (
        lambda root: shutil.rmtree(root / "core/events"),
        "core.events",
        "nothing lies at",
    ),
    "a log is gone": (
        lambda root: shutil.rmtree(root / "core/events/_delta_log"),
        "core.events",
        "no log of Delta lies at",
    ),
    "the newest commit is gone": (
        lambda root: (root / f"core/events/_delta_log/{1:020d}.json").unlink(),
        "core.events",
        "version 1 cannot be read",
    ),
    "a commit is empty": (
        lambda root: (root / f"core/events/_delta_log/{1:020d}.json").write_text(""),
        "core.events",
        r"0001\.json is empty",
    ),
    "a commit is garbage": (
        lambda root: (root / f"core/events/_delta_log/{1:020d}.json").write_text("garbage"),
        "core.events",
        "cannot be read",
    ),
    "somebody else wrote to a table": (
        lambda root: commit(root, "core.events", {"id": [7]}, run=None),
        "core.events",
        r"version 2 \(WRITE\) is not published, and not databank's",
    ),
    "ops.publish is gone": (
        lambda root: shutil.rmtree(root / "ops/publish"),
        "ops.publish",
        "nothing lies at",
    ),
    "all ledgers are gone": (
        lambda root: shutil.rmtree(root / "ops"),
        "ops.publish",
        "nothing lies at",
    ),
    "a row of ops.publish was deleted": (
        delete_publication,
        "ops.publish",
        r"version 1 \(DELETE\) was not written by databank",
    ),
    "ops.publish is older": (
        lose_publication,
        "ops.publish",
        rf"has no row of core\.events and run {RUN_ID}",
    ),
    "a file of ops.run is gone": (
        lambda root: a_file(root, "ops/run").unlink(),
        "ops.run",
        "is gone",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_and_named(
    root: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, subject, fact = DAMAGE[kind]
    damage(root)
    assert exit_code(["doctor", "--root", str(root), "--json"]) == 2
    printed = capsys.readouterr()
    damaged = [row for row in json.loads(printed.out) if row["state"] == "damaged"]
    assert {row["what"] for row in damaged} == {subject}
    assert re.search(fact, damaged[0]["fact"]), damaged
    assert damaged[0]["what to do"]
    assert f"damaged: {subject};" in printed.err


def test_a_sound_bank_has_nothing(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["doctor", "--root", str(sound)]) == 0
    assert capsys.readouterr().out == "nothing found\n"


def test_what_is_no_damage_is_told_and_leaves_with_0(root: Path) -> None:
    commit(root, "core.events", {"id": [8]}, run="20260201-ingest-9f")
    commit(root, "core.items", {"id": [8]}, run="20260201-ingest-9f")
    commit(root, "core.other", {"id": [8]}, run=None)
    commit(root, "landing.orders", {"id": [8]}, run=None)
    (root / "_scratch" / "20260201-ingest-9f").mkdir(parents=True)
    (root / "_scratch" / "20260201-ingest-9f" / "parsed").write_bytes(b"x" * 1234)
    leases = root / "_lease"
    leases.mkdir()
    beat = datetime(2100, 1, 1, tzinfo=UTC).isoformat()
    own = this_process() | {"run_id": "20260201-build_tags-1", "heartbeat": beat}
    (leases / "build_tags").write_text(json.dumps(own))
    (leases / "ingest").write_text(json.dumps(own | {"pid": 2**22 + 1, "run_id": "dead"}))
    (leases / "train_model").write_text(json.dumps(own | {"host": "elsewhere"}))
    (leases / "score_model").write_text("[")
    findings = find_damage(str(root))
    assert not any(each.damage for each in findings)
    facts = {each.subject: each.fact for each in findings}
    assert facts == {
        "core.events": "version 2 (WRITE) is not published, of run 20260201-ingest-9f",
        "core.items": "was never published: a killed or refused run left it",
        "core.other": "is no table of databank",
        "run 20260201-ingest-9f": "was killed; it left 1,234 bytes in _scratch, maybe personal "
        "data",
        "lease of build_tags": f"run '20260201-build_tags-1', host {own['host']!r}, pid "
        f"{os.getpid()} is running",
        "lease of ingest": f"run 'dead', host {own['host']!r}, pid {2**22 + 1} is dead",
        "lease of train_model": facts["lease of train_model"],
        "lease of score_model": "says nothing that can be read",
    }
    assert "ahead of the clock here" in facts["lease of train_model"]


def test_a_damaged_database_of_models_is_found(root: Path) -> None:
    (root / "mlflow").mkdir()
    database = root / "mlflow" / "mlflow.db"
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE runs (a)")
    assert find_damage(str(root)) == []
    database.write_bytes(b"garbage" * 100)
    [finding] = find_damage(str(root))
    assert (finding.subject, finding.damage) == ("mlflow", True)
    assert "file is not a database" in finding.fact


def test_a_folder_that_is_no_bank_has_nothing_and_none_is_an_error(tmp_path: Path) -> None:
    assert find_damage(str(tmp_path)) == []
    assert exit_code(["doctor", "--root", str(tmp_path / "none")]) == 2
