"""The JVM is killed under a run: one line, the lease given back, and the next run is right."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.tables import DeltaStore
from tests.unit.tables.test_ledger_damage import MADE

pytestmark = pytest.mark.nightly

PROGRAM = """
import os, signal, sys
from datetime import date
from databank.cli.ending import code_of
from databank.config import Settings
from databank.runs import Job, Progress, Runner, StepResult
from databank.session import get_spark
from databank.tables import DeltaStore
from tests.unit.tables.test_ledger_damage import MADE

root, number, killed = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "killed"

def make(context, config):
    store = context.store
    store.append(MADE, store.small(MADE, [(number,)]))
    if killed:
        jvm = context.spark.sparkContext._gateway.proc.pid
        # the launcher's process becomes the JVM
        os.kill(jvm, signal.SIGKILL)
    store.append(MADE, store.small(MADE, [(number + 1,)]))
    return StepResult()

def run():
    runner = Runner(DeltaStore(get_spark(), root), Settings(), progress=Progress(quiet=True))
    job = Job("make", make, (MADE,))
    outcome = runner.run(job, None, day=date(2026, 1, 31), config_hash=str(number))
    if outcome.error:
        raise outcome.error

if __name__ == "__main__":
    sys.exit(code_of(run))
"""


def run(folder: Path, number: int, how: str) -> subprocess.CompletedProcess[str]:
    script = folder / "run.py"
    script.write_text(PROGRAM)
    here = str(Path(__file__).parents[2])
    command = [sys.executable, str(script), str(folder / "root"), str(number), how]
    environment = os.environ | {"PYTHONPATH": f"{here}/lib:{here}"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_killed_jvm_is_one_line(spark_session: SparkSession, tmp_path: Path) -> None:
    killed = run(tmp_path, 3, "killed")
    assert killed.returncode == 2, killed.stderr
    [line] = killed.stderr.splitlines()
    assert line.startswith("error: Spark's JVM ended in the middle of the work")
    root = tmp_path / "root"
    assert not (root / "_lease" / "make").exists()
    assert run(tmp_path, 5, "whole").returncode == 0
    rows = DeltaStore(spark_session, str(root)).read(MADE).collect()
    assert sorted(row["id"] for row in rows) == [5, 6]
