"""Where MLflow keeps runs: a moved bank finds its files, and what is at fault is one line."""

import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from databank.errors import DataBankError
from databank.models import tracking
from databank.models.registry import Registry
from databank.models.tracking import names_faults, open_tracking


def database(root: Path) -> Path:
    return root / "mlflow" / "mlflow.db"


def made(root: Path) -> Registry:
    """A registry with one run, its file, and a model."""
    registry = Registry(str(root), None, experiment="bank")
    log_run(registry, "first")
    return registry


def log_run(registry: Registry, text: str) -> str:
    with mlflow.start_run(experiment_id=registry._experiment_id()) as run:
        mlflow.log_text(text, "spec.json")
    return str(run.info.run_id)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("here") / "a bank"
    registry = made(root)
    [run] = registry._client.search_runs([registry._experiment_id()])
    registry._client.create_registered_model("churn")
    source = f"{run.info.artifact_uri}/model"
    registry._client.create_model_version("churn", source, run_id=run.info.run_id)
    return root


def test_a_bank_in_another_folder_has_its_runs_and_adds_to_them_there(
    bank: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved here" / "bank"
    shutil.copytree(bank, moved)
    before = sorted(path.name for path in bank.rglob("*"))
    registry = Registry(str(moved), None, experiment="bank")
    [run] = registry._client.search_runs([registry._experiment_id()])
    artifacts = (moved / "mlflow" / "artifacts").as_uri()
    assert run.info.artifact_uri == f"{artifacts}/{run.info.run_id}/artifacts"
    source = registry._client.get_model_version("churn", "1").source
    assert source == f"{run.info.artifact_uri}/model"
    shutil.rmtree(moved / "mlflow" / "artifacts" / run.info.run_id)
    with pytest.raises(mlflow.exceptions.MlflowException, match="Failed to download"):
        mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/spec.json")
    again = log_run(registry, "second")
    assert (moved / "mlflow" / "artifacts" / again).is_dir()
    # the bank that was copied is as it was
    assert sorted(path.name for path in bank.rglob("*")) == before
    registry = Registry(str(bank), None, experiment="bank")
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/spec.json") == "first"


def test_places_outside_of_the_bank_stay(bank: Path, tmp_path: Path) -> None:
    root = tmp_path / "bank"
    shutil.copytree(bank, root)
    with sqlite3.connect(database(root)) as db:
        db.execute("UPDATE model_versions SET source = 's3://models/churn'")
    open_tracking(str(root), None)
    with sqlite3.connect(database(root)) as db:
        assert db.execute("SELECT source FROM model_versions").fetchall() == [
            ("s3://models/churn",)
        ]


@pytest.mark.parametrize("damage", ["garbage", "cut"])
def test_a_damaged_database_is_named(bank: Path, tmp_path: Path, damage: str) -> None:
    root = tmp_path / "bank"
    shutil.copytree(bank, root)
    held = database(root).read_bytes()
    spoilt = b"no database" * 1000 if damage == "garbage" else held[: len(held) // 2]
    database(root).write_bytes(spoilt)
    with pytest.raises(DataBankError, match=r"mlflow\.db: is damaged"):
        open_tracking(str(root), None)


HOLDING = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(60)
"""


def test_a_database_that_another_process_holds_is_waited_for_and_named(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "bank"
    shutil.copytree(bank, root)
    monkeypatch.setattr(tracking, "_SECONDS", 1)
    command = [sys.executable, "-c", HOLDING, str(database(root))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataBankError, match=rf"process {holder.pid} has held it for more than"):
            open_tracking(str(root), None)
        holder.kill()
    assert open_tracking(str(root), None).uri == f"sqlite:///{database(root)}"


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(DataBankError, match=rf"server at 127\.0\.0\.1:{port} cannot be") as refused:
        open_tracking("root", f"http://me:secret@127.0.0.1:{port}")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(sqlite3.OperationalError) database is locked", "held by another process"),
        ("(sqlite3.DatabaseError) database disk image is malformed", "is damaged"),
        ("(sqlite3.OperationalError) database or disk is full", "no space is left"),
        ("Failed to download artifacts from path 'spec.json', please", "are gone"),
        ("API request to http://x failed with exception Max retries", "does not answer"),
    ],
)
def test_what_becomes_of_mlflow_during_a_run_is_one_line(text: str, says: str) -> None:
    @names_faults
    def log() -> None:
        raise mlflow.exceptions.MlflowException(text)

    with pytest.raises(DataBankError, match=says):
        log()


def test_a_bug_stays_one() -> None:
    @names_faults
    def log() -> None:
        raise mlflow.exceptions.MlflowException("no such metric")

    with pytest.raises(mlflow.exceptions.MlflowException, match="no such metric"):
        log()
