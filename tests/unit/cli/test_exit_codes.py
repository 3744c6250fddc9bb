"""Each exit code of the guide, by a real process; 130 and 143 are those of test_signals."""

import re
import subprocess
import sys

import pytest

from databank import __version__
from databank.cli.main import exit_code
from databank.docs import read_topic
from tests.unit.test_terminal import is_harmless

PROGRAM = """
import sys
from databank.cli import main
from databank.errors import DataBankError, GateRefusedError

ERRORS = {
    "bug": RuntimeError("\\x1b[2Jbroken\\nerror: forged"),
    "fixable": DataBankError("sources/crm.yml: no such file; write it"),
    "gate": GateRefusedError("quality: 3 rows too many; look at them"),
}

@main.app.command()
def end(how: str) -> None:
    if how in ERRORS:
        raise ERRORS[how]
    print("done")

main.main(["end", sys.argv[1]])
"""


@pytest.mark.parametrize(
    ("how", "code", "says"),
    [
        ("well", 0, ""),
        ("bug", 1, r"RuntimeError: \x1b[2Jbroken"),
        ("fixable", 2, "error: sources/crm.yml: no such file; write it"),
        ("gate", 3, "error: quality: 3 rows too many; look at them"),
    ],
)
def test_the_exit_code_tells_how_a_command_ended(how: str, code: int, says: str) -> None:
    command = [sys.executable, "-c", PROGRAM, how]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    # a bug alone has more than a line: where it is
    assert (len(lines) > 1) == (how == "bug")
    assert (lines or [""])[0 if how != "bug" else -2] == says
    assert ("Traceback" in done.stderr) == (how == "bug")
    assert is_harmless(done.stderr.replace("\n", ""))


def test_the_guide_lists_every_exit_code() -> None:
    table = read_topic("operations").partition("## Exit codes")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == ["0", "1", "2", "3", "130", "143"]


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["rnu"], "unknown command 'rnu'; did you mean 'run'?"),
        (["valdate"], "unknown command 'valdate'; did you mean 'validate'?"),
        (["runs", "--rot", "x"], "unknown option --rot; did you mean '--root'?"),
        (["run", "all"], "Missing option '--date'; see `databank run --help`"),
        (["run"], "see `databank run --help`"),
        (["runs", "--last", "0"], "see `databank runs --help`"),
        (["runs", "more"], "see `databank runs --help`"),
        (["run", "build_tag", "--date", "2026-01-01"], "did you mean 'build_tags'?"),
        (["run", "all", "--date", "2026-01-01", "--json"], "--json: shows a plan; add --dry-run"),
        (
            ["person", "phone", "1", "--why-tag", "active", "--day", "2026-01-01"],
            "--why-tag: tags are those of the last run; leave out --why and --day",
        ),
    ],
)
def test_a_wrong_command_line_is_told_what_to_write(
    line: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(line) == 2
    [error] = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert says in error


def test_names_are_offered_nearest_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["tags", "spend_80d"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'spend_90d'?" in error
    assert exit_code(["run", "tags", "--date", "2026-01-01"]) == 2
    error = capsys.readouterr().err
    # too far to be meant, and yet the nearest comes first
    assert error.startswith("error: unknown job 'tags'; known: build_tags, ")
