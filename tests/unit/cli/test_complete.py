"""What a shell completes, and what the help lists: without Spark, and without a bank."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from databank.cli.main import exit_code
from databank.project.jobs import JOBS

HERE = Path(__file__).parents[3]
# every import of pyspark fails in this process
PROGRAM = """
import os, sys
sys.modules["pyspark"] = None
sys.argv = ["databank"]
from databank.cli.main import exit_code
for line in os.environ.pop("LINES_TO_COMPLETE").split("|"):
    os.environ["_DATABANK_COMPLETE"] = "complete_bash"
    os.environ["COMP_WORDS"] = line
    os.environ["COMP_CWORD"] = str(line.count(" "))
    try:
        exit_code([])
    except SystemExit:
        pass
    print("=", flush=True)
"""
EXPECTED = {
    "databank qua": {"quarantine"},
    "databank run build_l": {"build_lifecycle"},
    "databank run a": {"all"},
    "databank run build_tags --only spend": {"spend_90d"},
    "databank run train_model --only ch": {"churn"},
    "databank tags top_s": {"top_spender"},
    "databank person ph": {"phone"},
    "databank person person": {"person_id"},
    "databank person phone 1 --why-tag top_s": {"top_spender"},
    "databank quarantine --source we": {"web"},
    "databank rollback model chu": {"churn"},
    "databank tables archive.v": {"archive.visit"},
    "databank docs glo": {"glossary"},
    # a configuration that is not there, or has faults, completes nothing
    "databank tags --conf-dir lib top_s": set(),
}


def test_names_are_completed_without_pyspark() -> None:
    environment = os.environ | {"LINES_TO_COMPLETE": "|".join(EXPECTED)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=HERE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [set(part.split()) for part in done.stdout.split("=")[:-1]]
    assert dict(zip(EXPECTED, answers, strict=True)) == EXPECTED
    assert done.stderr == ""


def test_the_help_of_run_has_a_line_for_each_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["run", "--help"]) == 0
    shown = capsys.readouterr().out.splitlines()
    starts = [line.split()[0] for line in shown if line.split()]
    assert [f"{name}:" for name in JOBS] == [start for start in starts if start[:-1] in JOBS]
