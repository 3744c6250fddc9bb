"""A cluster: a standalone master and two workers, the environment packed, an executor killed."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pyspark
import pytest
from pyspark.sql import SparkSession

from databank.tables import DeltaStore
from tests.flow.conftest import FIXED_BANK, FIXED_DAY, HERE
from tests.support.bank import forget_runs
from tests.support.compare import content

pytestmark = [pytest.mark.nightly, pytest.mark.process]

_EXECUTOR = "CoarseGrainedExecutorBackend"
_OPTIONS = {
    "spark.executor.cores": "1",
    "spark.executor.memory": "1g",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    # three JVMs that are as new as this share the cores with the tests
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.databricks.delta.snapshotPartitions": "2",
}


@contextmanager
def _service(name: str, *arguments: str, log: Path) -> Iterator[psutil.Process]:
    """A process of a standalone cluster; all that it started ends with it."""
    spark = Path(pyspark.__file__).parent
    with log.open("w") as output:
        process = psutil.Popen(
            [str(spark / "bin/spark-class"), f"org.apache.spark.deploy.{name}", *arguments],
            env=os.environ | {"SPARK_HOME": str(spark), "SPARK_DAEMON_MEMORY": "256m"},
            cwd=log.parent,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        for each in [*process.children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(text: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[psutil.Process]]]:
    """The master's address, and two workers of one core each."""
    port = str(_free_port())
    at = ("--host", "127.0.0.1")
    logs = [tmp_path / f"{name}.log" for name in ("master", "one", "other")]
    with _service("master.Master", *at, "--port", port, "--webui-port", "0", log=logs[0]):
        _until("I have been elected leader", logs[0])
        address = f"spark://127.0.0.1:{port}"
        given = (*at, "--webui-port", "0", "-c", "1", "-m", "1500m")
        work = [(*given, "--work-dir", str(tmp_path / f"work-{n}"), address) for n in (1, 2)]
        with (
            _service("worker.Worker", *work[0], log=logs[1]) as first,
            _service("worker.Worker", *work[1], log=logs[2]) as second,
        ):
            for log in logs[1:]:
                _until("Successfully registered with master", log)
            yield address, [first, second]
    # each holds the environment, unpacked
    for n in (1, 2):
        shutil.rmtree(tmp_path / f"work-{n}", ignore_errors=True)


def _executors(workers: list[psutil.Process]) -> list[psutil.Process]:
    executors = []
    for each in (each for worker in workers for each in worker.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            executors += [each] if any(_EXECUTOR in word for word in each.cmdline()) else []
    return executors


def test_a_cluster_that_loses_an_executor_finds_the_same_persons(
    spark_session: SparkSession,
    fixed_bank: Path,
    tmp_path: Path,
    cluster: tuple[str, list[psutil.Process]],
) -> None:
    root = tmp_path / "root"
    shutil.copytree(fixed_bank, root)
    store = DeltaStore(spark_session, str(root))
    before = content(store)
    forget_runs(store, "resolve_identity")
    address, workers = cluster
    options = " ".join(f"--conf {key}={value}" for key, value in _OPTIONS.items())
    submitted = subprocess.Popen(
        ["bash", "scripts/submit", "resolve_identity",
         "--conf-dir", str(FIXED_BANK / "conf"), "--root", str(root), "--date", str(FIXED_DAY)],
        cwd=HERE,
        env=os.environ
        | {"SPARK_MASTER": address, "PACK_ENVIRONMENT": "yes", "SPARK_SUBMIT_OPTIONS": options},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    timer = threading.Timer(400, submitted.kill)
    timer.start()
    assert submitted.stdout is not None
    lines, killed = [], []
    try:
        for line in submitted.stdout:
            lines.append(line)
            if "cutting persons" in line and not killed:
                killed = _executors(workers)[:1]
                for executor in killed:
                    executor.kill()
    finally:
        timer.cancel()
    assert submitted.wait(60) == 0, "".join(lines)[-3000:]
    assert killed
    assert content(DeltaStore(spark_session, str(root))) == before
