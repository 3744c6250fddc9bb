"""Every command line of the tutorial, in its order, on the bank of a small world."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from databank.cli.main import exit_code
from databank.docs import read_topic

pytestmark = pytest.mark.nightly

HERE = Path(__file__).parents[2]
_BASH = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
# they make the bank and the environment; this bank is made, by the same jobs of fewer persons
_BEFORE = ("scripts/demo", "export PATH=")


def commands() -> Iterator[str]:
    """The commands of all blocks; a text that a command is given by << goes with it."""
    for block in _BASH.findall(read_topic("tutorial")):
        lines = iter(block.splitlines())
        for line in lines:
            command, end = line, re.search(r"<<'(\w+)'", line)
            while end and not command.endswith(f"\n{end[1]}"):
                command += f"\n{next(lines)}"
            if not command.startswith(_BEFORE):
                yield command


@contextmanager
def folder_of_spark(spark: SparkSession, folder: str) -> Iterator[None]:
    """Let Spark, which runs already, take paths as a Spark that is started in the folder would."""
    jvm: Any = spark._jvm
    files = jvm.org.apache.hadoop.fs.FileSystem.get(spark._jsc.hadoopConfiguration())
    before = files.getWorkingDirectory()
    files.setWorkingDirectory(jvm.org.apache.hadoop.fs.Path(folder))
    yield
    files.setWorkingDirectory(before)


def test_each_command_works_as_it_is_printed(
    spark_session: SparkSession,
    loop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(loop, tmp_path / ".databank")
    shutil.copytree(HERE / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    printed = {}
    with folder_of_spark(spark_session, str(tmp_path)):
        for command in commands():
            if command.startswith("databank "):
                code = exit_code(shlex.split(command)[1:])
            else:
                code = subprocess.run(["bash", "-c", command], check=False).returncode
            captured = capfd.readouterr()
            assert code == 0, f"{command}\n{captured.err}"
            printed[command] = captured.out
    assert "archive.person_day" in printed["databank tables"]
    assert re.match(r"[1-9]\d* persons to write to", printed["python members.py"])
    assert "winback" in (tmp_path / ".databank" / "reports" / "latest.html").read_text()
