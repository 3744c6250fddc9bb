"""A root that holds no bank, and a folder that holds no configuration, are refused everywhere."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from databank.cli.main import exit_code

HERE = Path(__file__).parents[3]
DAY = "2026-03-31"
READERS = [
    ["runs"],
    ["quarantine"],
    ["tags"],
    ["tags", "active"],
    ["person", "phone", "+8613800000001"],
    ["person", "phone", "+8613800000001", "--why", "phone:+8613800000002"],
    ["person", "phone", "+8613800000001", "--why-tag", "active"],
    ["erase", "phone", "+8613800000001", "--date", DAY],
    ["quarantine", "replay"],
    ["preview", "identity", "--date", DAY],
    ["rollback", "identity", "--to", DAY],
    ["rollback", "model", "churn"],
    ["run", "build_tags", "--only", "active", "--date", DAY, "--dry-run"],
]
CONFIGURED = [
    ["validate"],
    ["tags"],
    ["person", "phone", "1"],
    ["run", "all", "--date", DAY],
    ["preview", "identity", "--date", DAY],
    ["demo"],
]


def error_of(line: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line in which a command is refused."""
    assert exit_code(line) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [error] = captured.err.splitlines()
    assert error.startswith("error: ")
    return error


@pytest.mark.parametrize("line", READERS, ids=" ".join)
@pytest.mark.parametrize(
    ("root", "why"),
    [
        ("gone", "no bank at gone: there is no such folder; create it by `databank run all"),
        ("empty", "no bank at empty: no run has written there; create it by `databank run all"),
        ("file", "--root file: is a file; give the folder of a bank"),
        ("", "--root: is empty; give the folder of a bank"),
    ],
)
def test_every_reader_refuses_what_is_no_bank(
    line: list[str],
    root: str,
    why: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").symlink_to(HERE / "conf")
    (tmp_path / "empty" / "landing").mkdir(parents=True)
    (tmp_path / "file").touch()
    assert why in error_of([*line, "--root", root], capsys)
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("line", CONFIGURED, ids=" ".join)
@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("gone", "--conf-dir gone: the configuration folder does not exist; give the one"),
        ("file", "--conf-dir file: the configuration folder is no folder; give the one"),
        ("", "--conf-dir: is empty; give the folder of a configuration"),
    ],
)
def test_every_command_refuses_what_is_no_configuration(
    line: list[str],
    folder: str,
    why: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert why in error_of([*line, "--conf-dir", folder], capsys)


@pytest.mark.parametrize("root", ["", "file"])
def test_a_run_refuses_what_can_never_be_a_bank(
    root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for line in (["run", "all", "--date", DAY], ["demo"]):
        assert "give the folder of a bank" in error_of([*line, "--root", root], capsys)


@contextmanager
def nobody() -> Iterator[None]:
    """Read as a user that modes of files hold for; root may read everything."""
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(65534)
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike those of pytest."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="has no modes of files")
def test_a_bank_that_cannot_be_read_is_not_an_empty_one(
    open_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(open_folder)
    run = {"job": "ingest", "nodes": ["a"], "day": DAY, "outcome": "done", "seconds": 1.0}
    run |= {"started": datetime(2026, 3, 31), "rows": {}, "message": None}
    shape = pa.schema([("rows", pa.map_(pa.string(), pa.int64())), ("message", pa.string())])
    rest = pa.table({name: [value] for name, value in run.items() if name not in shape.names})
    rows = pa.table([[[]], [None]], schema=shape)
    for name in rest.column_names:
        rows = rows.append_column(name, rest[name])
    write_deltalake("bank/ops/run", rows)
    assert exit_code(["runs", "--root", "bank"]) == 0  # all that it imports is there
    assert "ingest" in capsys.readouterr().out
    log = "bank/ops/run/_delta_log"
    [data] = Path("bank/ops/run").glob("*.parquet")
    closed = ["bank", "bank/ops", "bank/ops/run", log, f"{log}/{0:020}.json", str(data)]
    for path in closed:
        mode = Path(path).stat().st_mode
        Path(path).chmod(0)
        with nobody():
            error = error_of(["runs", "--root", "bank"], capsys)
        Path(path).chmod(mode)
        assert "cannot be read" in error, path
        assert "ermission denied" in error, path
        assert "let this user read it" in error, path
        assert "\x1b" not in error, path
