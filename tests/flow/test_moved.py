"""A bank that was copied to another folder goes on there, as if it had always lain there."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.cli.main import exit_code
from databank.models.tracking import _PLACES
from databank.project.execute import execute
from databank.project.model import Project
from databank.project.plan import plan_all
from databank.tables import DeltaStore
from tests.flow.conftest import DAY
from tests.support.bank import forget_runs
from tests.support.compare import content

pytestmark = pytest.mark.nightly


def test_a_copied_bank_scores_loads_and_is_sound(
    spark_session: SparkSession,
    project: Project,
    loop: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "a copy" / "bank"
    # new times of files, as a copy from another machine has
    shutil.copytree(loop, root, copy_function=shutil.copyfile)
    assert exit_code(["doctor", "--root", str(root)]) == 0, capsys.readouterr()
    before = content(DeltaStore(spark_session, str(root)))
    forget_runs(DeltaStore(spark_session, str(root)), "score_model")
    capsys.readouterr()
    steps = [step for step in plan_all(project, None) if step.job in ("ingest", "score_model")]
    done = execute(project, steps, root=str(root), day=DAY)
    assert [(outcome.job, outcome.outcome) for outcome in done] == [
        ("ingest", "unchanged"), ("score_model", "done"),
    ]  # fmt: skip
    warned = capsys.readouterr().err
    assert "changed after loading" not in warned, warned
    assert content(DeltaStore(spark_session, str(root))) == before
    with sqlite3.connect(root / "mlflow" / "mlflow.db") as db:
        places = {
            str(place)
            for table, column in _PLACES
            for (place,) in db.execute(f"SELECT {column} FROM {table}")
        }
    inside = (root / "mlflow" / "artifacts").as_uri()
    assert [place for place in places if place.startswith(inside)]
    assert [place for place in places if loop.as_uri() in place] == []
