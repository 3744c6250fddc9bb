"""The archive of classes: named to the JVM where it is there, and never a reason not to start."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from databank.session.class_archive import class_archive, with_archive


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "an environment"
    folder.mkdir()
    monkeypatch.setattr(sys, "prefix", str(folder))
    return folder


def test_options_name_an_archive_that_is_there(environment: Path) -> None:
    assert with_archive("-Xmx1g") == "-Xmx1g"
    class_archive().touch()
    assert f"-XX:SharedArchiveFile={class_archive()}" in shlex.split(with_archive("-Xmx1g"))
    named = "-XX:SharedArchiveFile=mine.jsa"
    assert with_archive(named) == named


@pytest.mark.parametrize(
    "content", ["", "no archive at all", "0" * 9000], ids=["empty", "short", "long"]
)
def test_a_damaged_archive_stops_no_start(environment: Path, content: str) -> None:
    class_archive().write_text(content)
    started = subprocess.run(
        ["java", *shlex.split(with_archive("-Xmx64m")), "-version"], capture_output=True, text=True
    )
    assert started.returncode == 0, started.stderr
    assert started.stdout == ""
    assert "archive" not in started.stderr
