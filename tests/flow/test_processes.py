"""Real processes: spark-submit, kill -9, two runs at once."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.tables import TableStore
from tests.flow.conftest import DAY, HERE
from tests.support.compare import content

pytestmark = pytest.mark.process


def command(job: str, root: Path) -> list[str]:
    options = ["--conf-dir", "conf", "--root", str(root), "--date", str(DAY)]
    return [sys.executable, "-m", "databank.cli", "run", job, *options]


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=HERE,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("job", "point"),
    [
        ("build_archive", "after:archive.person_day"),
        ("build_tags", "publish:build_tags"),
    ],
)
def test_a_killed_run_leaves_no_trace_after_the_next_one(
    spark_session: SparkSession, loop: Path, tmp_path: Path, job: str, point: str
) -> None:
    root = tmp_path / "root"
    shutil.copytree(loop, root)
    # as new: what the loop made of this job's tables is forgotten
    store = TableStore(spark_session, str(root))
    before = content(store)
    runs = store.spark.read.format("delta").load(store.path("ops.run"))
    kept = runs.where(f"job <> '{job}'").collect()
    runs_again = store.spark.createDataFrame(kept, runs.schema)
    runs_again.write.format("delta").mode("overwrite").save(store.path("ops.run"))
    killed = run(command(job, root), DATABANK_FAULT=point)
    assert killed.returncode == -9, killed.stderr[-2000:]
    lease = root / "_lease" / job
    assert lease.exists()
    again = run(command(job, root))
    assert again.returncode == 0, again.stderr[-2000:]
    assert not lease.exists()
    assert content(TableStore(spark_session, str(root))) == before


def test_a_job_runs_under_spark_submit(
    spark_session: SparkSession, loop: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    shutil.copytree(loop, root)
    options = ["--conf-dir", "conf", "--root", str(root), "--date", str(DAY)]
    done = run(
        ["bash", "scripts/submit", "build_lifecycle", *options],
        SPARK_MASTER="local[2]",
        SPARK_SUBMIT_OPTIONS="--driver-memory 1g",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert content(TableStore(spark_session, str(root))) == content(
        TableStore(spark_session, str(loop))
    )


def _written(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def test_the_second_of_two_runs_at_once_is_refused(loop: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(loop, root)
    first = subprocess.Popen(
        command("ingest", root), cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        lease = root / "_lease" / "ingest"
        deadline = time.monotonic() + 120
        while not _written(lease) and first.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        first.send_signal(19)  # SIGSTOP: alive, and holding the lease for as long as it takes
        second = run(command("ingest", root))
        assert second.returncode == 2
        assert f"pid {first.pid}" in second.stderr
    finally:
        first.send_signal(18)
        first.wait(timeout=120)
