"""Errors of damaged files, as each reader words them, become one line; all others stay."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, write_deltalake

from databank.cli.main import exit_code
from databank.tables.damage import damage_in, damaged
from databank.tables.ops import RUN

PART = "part-00000-8c008107-3ed2-4a69-9b69-ffa917abcb57-c000.zstd.parquet"
CHECKPOINT = "/bank/core/events/_delta_log/00000000000000000010.checkpoint.parquet"


@pytest.mark.parametrize(
    ("text", "table", "says"),
    [
        (
            "An error occurred while calling o1156.collectToPython.\n: org.apache.spark."
            "SparkException: [FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading "
            f"file file:/bank/core/given/{PART}. File does not exist. It is possible\n\tat org",
            "core.given",
            f"file:/bank/core/given/{PART}: is gone",
        ),
        (
            "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file hdfs://n:9000/b/core/"
            f"given/{PART}.  SQLSTATE: KD001",
            "core.given",
            f"hdfs://n:9000/b/core/given/{PART}: cannot be read: cut short",
        ),
        (
            "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:///bank/ops/run/"
            "_delta_log/00000000000000000002.json.  SQLSTATE: KD001",
            "ops.run",
            "file:///bank/ops/run/_delta_log/00000000000000000002.json: cannot be read",
        ),
        (
            f"Caused by: java.lang.RuntimeException: {CHECKPOINT} is not a Parquet file",
            "core.events",
            f"{CHECKPOINT}: cannot be read",
        ),
        (
            f"[FAILED_READ_FILE.NO_HINT] file:/b/identity/person/_change_data/{PART}",
            "identity.person",
            "cannot be read",
        ),
        (
            "Invalid Input Error: No magic bytes found at end of file "
            f"'/bank/core/given/{PART}'\n\nLINE 1: SELECT",
            "core.given",
            f"/bank/core/given/{PART}: cannot be read",
        ),
    ],
)
def test_a_damaged_file_is_named_with_its_table(text: str, table: str, says: str) -> None:
    error = damage_in(Exception(text))
    assert error is not None
    assert str(error).startswith(f"{table}: ")
    assert says in str(error)
    assert "restore it from a backup" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        f"[CAST_INVALID_INPUT] in file:/bank/core/given/{PART}",
        "[FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading file "
        "file:/bank/landing/crm/customers.parquet. File does not exist.",
        "java.io.FileNotFoundException: /bank/_scratch/20260131-ingest-1/parsed/part-0.parquet",
        "boom",
    ],
)
def test_other_errors_are_none_of_a_table(text: str) -> None:
    assert damage_in(Exception(text)) is None


def test_a_file_of_no_table_is_named_alone() -> None:
    assert str(damaged("/elsewhere/file", "is odd")).startswith("a table: /elsewhere/file: is odd")


def lose(root: Path) -> None:
    next((root / "ops/run").glob("*.parquet")).unlink()


def cut(root: Path) -> None:
    file = next((root / "ops/run").glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:100])


def empty(root: Path) -> None:
    next((root / "ops/run").glob("*.parquet")).write_bytes(b"")


def garble(root: Path) -> None:
    next((root / "ops/run/_delta_log").glob("*.json")).write_text("garbage")


@pytest.mark.parametrize("damage", [lose, cut, empty, garble])
def test_a_command_that_reads_says_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    given = CommitProperties(custom_metadata={"userMetadata": "databank:run"})
    rows = pa.table({column.name: ["1"] for column in RUN.columns})
    write_deltalake(str(tmp_path / "ops/run"), rows, commit_properties=given)
    damage(tmp_path)
    assert exit_code(["runs", "--root", str(tmp_path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: ops.run: {tmp_path}/ops/run")
    assert "restore it from a backup" in line


@pytest.mark.parametrize("command", [["runs"], ["doctor"], ["person", "phone", "1"]])
def test_an_empty_root_is_none(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code([*command, "--root", " "]) == 2
    assert capsys.readouterr().err.startswith("error: --root: is empty; give the folder")
