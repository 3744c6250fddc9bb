"""The demo's last lines: commands that work as they are printed, from where it was started."""

import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from databank.cli.main import exit_code
from databank.demo.next_steps import STARTED_IN, next_steps

HERE = Path(__file__).parents[3]
DAY = date(2026, 4, 1)


def steps(root: Path | str, started_in: Path, programs: Path = HERE / ".venv/bin") -> list[str]:
    listed = next_steps(
        root=str(root), conf_dir="conf", next_day=DAY, programs=programs, started_in=started_in
    )
    return [command for _, command in listed]


def test_paths_are_short_where_the_demo_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    report, following_day, models, notebook = steps(".databank", HERE)
    assert report == ".databank/reports/latest.html"
    assert following_day == (
        "cp -r .databank/arrivals/. .databank/landing/ && "
        ".venv/bin/databank run all --conf-dir conf --root .databank --date 2026-04-01"
    )
    assert models == (
        f".venv/bin/mlflow ui --backend-store-uri sqlite:///{HERE}/.databank/mlflow/mlflow.db"
    )
    assert notebook == (
        f".venv/bin/python -m pip install notebook && DATABANK_ROOT={HERE}/.databank "
        ".venv/bin/python -m notebook notebooks/finished_bank.ipynb"
    )


def test_started_from_elsewhere_paths_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(HERE)
    monkeypatch.setenv(STARTED_IN, str(tmp_path))
    listed = next_steps(root=".databank", conf_dir="conf", next_day=DAY)
    databank = Path(sys.executable).parent / "databank"
    assert f"{databank} run all --conf-dir {HERE}/conf --root {HERE}/.databank" in listed[1][1]
    assert listed[0][1] == f"{HERE}/.databank/reports/latest.html"


def test_the_next_day_arrives_by_the_printed_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(HERE)
    root = tmp_path / "a bank"
    for folder, name in (("arrivals", "new"), ("landing", "old")):
        (root / folder / "web").mkdir(parents=True)
        (root / folder / "web" / name).write_text(name)
    copy, _, run = steps(root, tmp_path)[1].partition(" && ")
    subprocess.run(copy, shell=True, check=True, cwd=tmp_path)
    assert {path.name for path in (root / "landing/web").iterdir()} == {"new", "old"}
    # the command is understood, and its configuration is there
    assert exit_code([*shlex.split(run)[1:], "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("ingest")
