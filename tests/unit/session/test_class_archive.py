"""The archive of classes: named to the JVM where it is there, and never a reason not to start."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from databank.session.class_archive import JAVA_OPTIONS, archive_options, class_archive


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "an environment"
    folder.mkdir()
    monkeypatch.setattr(sys, "prefix", str(folder))
    return folder


def java(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["java", *options, "-version"], capture_output=True, text=True)


def test_options_name_an_archive_that_is_there(environment: Path) -> None:
    assert archive_options() == {}
    class_archive().touch()
    named = shlex.split(archive_options()[JAVA_OPTIONS])
    assert f"-XX:SharedArchiveFile={class_archive()}" in named
    # what the operator names comes behind it, and wins
    flags = java(*named, "-XX:SharedArchiveFile=mine.jsa", "-XX:+PrintFlagsFinal").stdout
    assert "mine.jsa" in flags
    assert class_archive().name not in flags


@pytest.mark.parametrize(
    "content", ["", "no archive at all", "0" * 9000], ids=["empty", "short", "long"]
)
def test_a_damaged_archive_stops_no_start(environment: Path, content: str) -> None:
    class_archive().write_text(content)
    started = java(*shlex.split(archive_options()[JAVA_OPTIONS]), "-Xmx64m")
    assert started.returncode == 0, started.stderr
    assert started.stdout == ""
    assert "archive" not in started.stderr
