"""`databank tags`: the library, and the life of one tag, read without Spark."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from databank.cli.main import exit_code
from databank.project.jobs import job_config
from databank.project.load import load_project
from tests.support.bank import DAY, make_bank

DAYS = "\n".join(f"{person} | 2026-01-20 | login | {person}" for person in range(1, 6))
LOGINS = {"name": "logins", "kind": "measure", "event": "login", "measure": "count",
          "unit": "logins", "owner": "crm", "description": "Logins ever", "alarm": 0.5}  # fmt: skip
KEEN = {"name": "keen", "kind": "rule", "when": "logins >= 4"}
KEENER = {"name": "keener", "kind": "rule", "when": "keen and logins >= 5"}
OLD = {"name": "old", "kind": "rule", "when": "keen", "status": "retired"}
FIRST, SECOND = DAY, DAY + timedelta(days=1)
AUDIENCE = {"audience": "regulars", "where": "logins > 1 and not keen"}


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conf")
    for name in ("sources", "tags", "audiences"):
        (folder / name).mkdir()
    (folder / "identity.yml").write_text("identifiers: [phone]")
    (folder / "audiences" / "regulars.yml").write_text(json.dumps(AUDIENCE))
    write(folder, LOGINS, KEEN, KEENER, OLD)
    return folder


def write(folder: Path, *tags: dict[str, Any]) -> None:
    (folder / "tags" / "tags.yml").write_text(json.dumps({"tags": tags}))


@pytest.fixture(scope="module")
def root(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory, conf: Path) -> str:
    """A bank after three runs on two days; of the first day the second run counts."""
    bank = make_bank(
        spark_session, tmp_path_factory.mktemp("life") / "bank", persons=6, days=DAYS, on_disk=True
    )

    def build(day: date, least: int) -> None:
        write(conf, LOGINS, KEEN | {"when": f"logins >= {least}"}, KEENER, OLD)
        where = ["--conf-dir", str(conf), "--root", bank.root, "--date", str(day)]
        assert exit_code(["run", "build_tags", *where]) == 0

    build(FIRST, 1)
    build(FIRST, 2)
    build(SECOND, 4)
    return bank.root


@pytest.fixture
def ask(conf: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str, root: str) -> Any:
        capsys.readouterr()
        where = ("--conf-dir", str(conf), "--root", root, "--json")
        code = exit_code(["tags", *words, *where])
        captured = capsys.readouterr()
        return json.loads(captured.out) if code == 0 else (code, captured.err)

    return call


def test_the_library_with_how_many_have_each_tag_and_since_when(ask: Any, root: str) -> None:
    rows = {row.pop("tag"): row for row in ask(root=root)}
    assert list(rows) == ["keen", "keener", "logins", "old"]
    assert rows["keen"] == {
        "kind": "rule", "entity": None, "status": "active", "owner": None,
        "persons": 2, "change": "-50.0%", "as of": str(SECOND),
    }  # fmt: skip
    assert (rows["logins"]["owner"], rows["logins"]["change"]) == ("crm", "+0.0%")
    # a retired tag is never built
    assert (rows["old"]["status"], rows["old"]["persons"]) == ("retired", None)


def test_the_life_of_one_tag(ask: Any, root: str) -> None:
    what, reads, users, life = ask("logins", root=root)
    assert {row["key"]: row["value"] for row in what["rows"]} == {
        "description": "Logins ever", "kind": "measure", "owner": "crm", "unit": "logins",
        "status": "active", "alarm": 0.5,
    }  # fmt: skip
    assert reads["title"] == f"what it reads, as of {SECOND}"
    assert reads["rows"] == [
        {"reads": "archive.person_day", "what": f"events of login, up to {SECOND}"}
    ]
    assert [(row["kind"], row["name"]) for row in users["rows"]] == [
        ("audience", "regulars"), ("tag", "keen"), ("tag", "keener"),
    ]  # fmt: skip
    assert life["rows"] == [
        {"day": str(day), "persons": 5, "change": change, "mean": 3.0}
        for day, change in ((SECOND, "+0.0%"), (FIRST, None))
    ]
    _, reads, _, life = ask("keen", root=root)
    assert reads["rows"] == [{"reads": "tags", "what": "logins"}]
    assert [(row["day"], row["persons"]) for row in life["rows"]] == [
        (str(SECOND), 2), (str(FIRST), 4),
    ]  # fmt: skip


def test_a_tag_that_nobody_uses_says_so(ask: Any, root: str) -> None:
    titles = [section["title"] for section in ask("keener", root=root)]
    assert titles[0] == "keener: keen and logins >= 5"
    assert titles[2] == "nobody uses it"


def test_without_a_bank_the_definition_is_told(
    ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for why in ("there is no bank", "no run has measured it"):
        assert {row["persons"] for row in ask(root=".databank")} == {None}
        what, reads, users, life = ask("keen", root=".databank")
        assert (what["title"], what["section"]) == ("keen: logins >= 4", "tag")
        assert reads["rows"]
        assert len(users["rows"]) == 2
        assert why in life["title"]
        empty_bank(tmp_path / ".databank")


def empty_bank(root: Path) -> None:
    """A bank whose first run has published nothing."""
    columns = ("table", "run_id", "job"), ("version", "seq")
    rows = {name: pa.array([], pa.string()) for name in columns[0]}
    rows |= {name: pa.array([], pa.int64()) for name in columns[1]}
    write_deltalake(root / "ops" / "publish", pa.table(rows), mode="overwrite")


def test_a_tag_of_hours_reads_the_events(conf: Path, ask: Any, tmp_path: Path) -> None:
    empty_bank(tmp_path)
    write(conf, LOGINS | {"window": "last 6 hours"}, KEEN, KEENER, OLD)
    reads = ask("logins", root=str(tmp_path))[1]
    assert reads["rows"][0]["reads"] == "core.events"
    assert reads["rows"][0]["what"].startswith("events of login, the 6 hours up to the end of ")


def test_an_unknown_tag_is_an_error_of_the_operators(ask: Any, tmp_path: Path) -> None:
    empty_bank(tmp_path)
    code, error = ask("logn", root=str(tmp_path))
    assert (code, error) == (2, "error: unknown tag 'logn'; did you mean 'logins'?\n")


def test_the_report_is_told_who_uses_a_tag_and_who_owns_it(conf: Path) -> None:
    notes = {note.name: note for note in job_config("publish_report", load_project(conf)).tags}
    assert notes["logins"].used_by == ("regulars", "keen", "keener")
    assert (notes["logins"].owner, notes["keen"].owner) == ("crm", "")
    assert notes["keen"].used_by == ("regulars", "keener")
    assert notes["keener"].used_by == ()


def test_a_tag_that_was_kept_is_built_where_it_is_asked_for(
    spark_session: SparkSession, conf: Path, tmp_path: Path, ask: Any
) -> None:
    bank = make_bank(spark_session, tmp_path, persons=6, days=DAYS, on_disk=True)
    write(conf, LOGINS | {"refresh": "30 days"})
    (conf / "audiences" / "regulars.yml").unlink()

    def built_on(day: date, *only: str) -> str:
        where = ["--conf-dir", str(conf), "--root", bank.root, "--date", str(day)]
        assert exit_code(["run", "build_tags", *only, *where]) == 0
        [row] = ask(root=bank.root)
        return str(row["as of"])

    assert built_on(FIRST) == str(FIRST)
    assert built_on(SECOND) == str(FIRST)
    # the last run was of the same day and the same part
    assert built_on(SECOND, "--only", "logins") == str(SECOND)
