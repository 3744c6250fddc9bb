"""What scripts/environment.sh says of a machine that does not suit: one line, with the remedy."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parents[3]
NEEDED = ("bash", "sh", "sed", "head", "cat", "cksum", "tr", "df", "awk", "dirname")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of commands: sound Python and Java, and what the script itself calls."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in NEEDED:
        program = shutil.which(name)
        assert program is not None
        (commands / name).symlink_to(program)
    put(commands, "python3", "echo 3.12")
    put(commands, "java", "echo 'openjdk version \"17.0.9\" 2023-10-17' >&2")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/constraints.txt").touch()
    return commands


def put(commands: Path, name: str, body: str) -> None:
    path = commands / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!{shutil.which('bash')}\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def first_line(commands: Path, **environment: str) -> str:
    """The last line of an attempt that must be refused."""
    done = subprocess.run(
        ["bash", "-c", f". {HERE}/scripts/environment.sh; make_environment"],
        cwd=commands.parent,
        env={"PATH": str(commands)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("version", ["3.9", "3.14"])
def test_a_python_too_old_or_too_new_is_named(machine: Path, version: str) -> None:
    put(machine, "python3", f"echo {version}")
    line = first_line(machine)
    assert f"python3 is {version};" in line
    assert "Python 3.11, 3.12 or 3.13 is needed" in line


def test_no_python_is_told(machine: Path) -> None:
    (machine / "python3").unlink()
    assert "(found: none)" in first_line(machine)


def test_no_java_is_told(machine: Path) -> None:
    (machine / "java").unlink()
    assert first_line(machine).startswith("error: no Java found; install Java 17 or 21")
    assert "in JAVA_HOME=/nowhere;" in first_line(machine, JAVA_HOME="/nowhere")


@pytest.mark.parametrize(("version", "major"), [("1.8.0_392", "8"), ("11.0.2", "11")])
def test_an_old_java_is_named(machine: Path, version: str, major: str) -> None:
    put(machine, "java", f"echo 'openjdk version \"{version}\"' >&2")
    assert f"Java {major} is too old for Spark 4; install Java 17 or 21" in first_line(machine)


def test_a_python_without_venv_is_told(machine: Path) -> None:
    put(machine, "python3", '[[ "$*" == *ensurepip* ]] && exit 1; echo 3.12')
    assert "install its venv module" in first_line(machine)


@pytest.mark.skipif(not os.path.exists("/proc/meminfo"), reason="memory is read on Linux only")
def test_too_little_memory_is_told(machine: Path) -> None:
    put(machine, "awk", '[[ "$*" == *MemTotal* ]] && echo 2000 || echo 90000')
    assert "2000 MB of memory; databank needs 4 GB" in first_line(machine)


def test_a_full_disk_is_told(machine: Path) -> None:
    put(machine, "df", "printf 'head\\nx 1 1 300 1 /\\n'")
    assert "only 300 MB are free here" in first_line(machine)


def test_packages_that_cannot_be_fetched_are_named(machine: Path) -> None:
    # a Python whose environment has a pip that finds nothing
    put(
        machine,
        "python3",
        'case "$*" in\n'
        "*version_info*) echo 3.12 ;;\n"
        f"*venv\\ .venv) {shutil.which('mkdir')} -p .venv/bin &&"
        " printf '#!/bin/sh\\nexit 1\\n' >.venv/bin/python &&"
        f" {shutil.which('chmod')} +x .venv/bin/python ;;\n"
        "esac",
    )
    (machine / "tail").symlink_to(shutil.which("tail") or "")
    assert "the first start needs the network" in first_line(machine)
