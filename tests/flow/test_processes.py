"""Real processes: spark-submit, kill -9, two runs at once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.cli.main import exit_code
from databank.project.execute import execute
from databank.project.model import Project
from databank.project.plan import Step
from databank.tables import DeltaStore
from tests.flow.conftest import FIXED_BANK, FIXED_DAY, HERE
from tests.support.bank import forget_runs
from tests.support.compare import content

pytestmark = [pytest.mark.nightly, pytest.mark.process]


def options(root: Path) -> list[str]:
    conf = str(FIXED_BANK / "conf")
    return ["--conf-dir", conf, "--root", str(root), "--date", str(FIXED_DAY)]


def embedded(job: str, root: Path) -> list[str]:
    return [sys.executable, "-m", "databank.cli", "run", job, *options(root)]


def submitted(job: str, root: Path) -> list[str]:
    return ["bash", "scripts/submit", job, *options(root)]


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    given = {
        "SPARK_MASTER": "local[2]",
        "SPARK_SUBMIT_OPTIONS": "--driver-memory 1g",
        "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",
    }
    return subprocess.run(
        arguments,
        cwd=HERE,
        env=os.environ | given | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_killed_runs_leave_no_trace_after_the_next_one(
    spark_session: SparkSession, fixed_project: Project, fixed_bank: Path, tmp_path: Path
) -> None:
    """Killed as embedded and recovered by spark-submit, then the other way round."""
    root = tmp_path / "root"
    shutil.copytree(fixed_bank, root)
    store = DeltaStore(spark_session, str(root))
    before = content(store)
    forget_runs(store, "build_audiences", "build_lifecycle")
    killed = run(embedded("build_audiences", root), DATABANK_FAULT="after:audiences.member")
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert (root / "_lease" / "build_audiences").exists()
    recovered = run(submitted("build_audiences", root))
    assert recovered.returncode == 0, recovered.stderr[-3000:]
    assert not (root / "_lease" / "build_audiences").exists()
    killed = run(submitted("build_lifecycle", root), DATABANK_FAULT="publish:build_lifecycle")
    assert killed.returncode == 128 + signal.SIGKILL, killed.stderr[-3000:]
    assert (root / "_lease" / "build_lifecycle").exists()
    done = execute(fixed_project, [Step("build_lifecycle")], root=str(root), day=FIXED_DAY)
    assert [outcome.outcome for outcome in done] == ["done"]
    assert content(DeltaStore(spark_session, str(root))) == before


def _written(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def test_the_second_of_two_runs_at_once_is_refused(
    spark_session: SparkSession,
    fixed_bank: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "root"
    shutil.copytree(fixed_bank, root)
    # a run without work holds no lease
    forget_runs(DeltaStore(spark_session, str(root)), "ingest")
    first = subprocess.Popen(
        embedded("ingest", root), cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        lease = root / "_lease" / "ingest"
        deadline = time.monotonic() + 120
        while not _written(lease) and first.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        first.send_signal(signal.SIGSTOP)  # alive, and holding the lease for as long as it takes
        assert exit_code(["run", "ingest", *options(root)]) == 2
        assert f"pid {first.pid}" in capsys.readouterr().err
    finally:
        first.kill()
        first.wait(timeout=120)
