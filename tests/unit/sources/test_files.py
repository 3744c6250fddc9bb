"""Which files are there, new, altered, readable."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from databank.errors import DataBankError
from databank.sources.config import SourceConfig
from databank.sources.files import (
    KnownFile,
    SourceFile,
    inspect_files,
    list_files,
    refuse_unmatched,
    split_new,
)
from databank.sources.raw import share_out

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def _source(path: str, format_: str = "csv") -> SourceConfig:
    columns = {"event_id": "id", "event_ts": "ts", "event": "name"}
    return SourceConfig.model_validate(
        {"source": "s", "format": format_, "path": path, "becomes": "events", "columns": columns}
    )


def _file(name: str, size: int = 10, source: str = "s") -> SourceFile:
    return SourceFile(source, name, f"/{name}", "", size, NOON)


def test_a_path_may_have_wildcards_in_folders_and_names(tmp_path: Path) -> None:
    for name in ("in/a/1.csv", "in/a/2.csv", "in/b/1.csv", "in/b/1.txt", "in/_x/1.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("id,ts,name\n")
    found = list_files(_source("in/*/?.csv"), str(tmp_path))
    assert [file.name for file in found] == ["in/a/1.csv", "in/a/2.csv", "in/b/1.csv"]
    assert {file.base for file in found} == {"in/"}


def test_a_path_that_never_matched_names_the_source() -> None:
    with pytest.raises(DataBankError, match=r"source s: no file matches path 'in/x\.csv'"):
        refuse_unmatched(_source("in/x.csv"), [], known=False)
    refuse_unmatched(_source("in/x.csv"), [], known=True)


def test_a_loaded_file_is_never_loaded_again_and_a_broken_one_when_it_changed() -> None:
    known = {
        ("s", "same"): KnownFile(10, NOON, "ok"),
        ("s", "grown"): KnownFile(9, NOON, "ok"),
        ("s", "still broken"): KnownFile(10, NOON, "truncated"),
        ("s", "repaired"): KnownFile(9, NOON, "truncated"),
        ("s", "other columns"): KnownFile(10, NOON, "columns"),
    }
    names = [*(name for _, name in known), "fresh"]
    new, altered = split_new([_file(name) for name in names], known)
    assert [file.name for file in new] == ["repaired", "other columns", "fresh"]
    assert [file.name for file in altered] == ["grown"]


def test_a_csv_file_without_a_declared_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text('name,id,"ts",more\n')
    (tmp_path / "bad.csv").write_text("id,name\n")
    (tmp_path / "empty.csv").write_text("")
    source = _source("*.csv")
    bad, empty, good = inspect_files(list_files(source, str(tmp_path)), source)
    assert (bad.status, bad.reason, bad.first_line) == ("columns", "columns missing: ts", "id,name")
    assert (empty.status, empty.header) == ("ok", ())
    assert (good.status, good.header) == ("ok", ("name", "id", "ts", "more"))


def test_a_parquet_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1"], "ts": ["x"], "name": ["n"]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more")
    source = _source("*.parquet", "parquet")
    files = inspect_files(list_files(source, str(tmp_path)), source)
    assert [file.status for file in files] == ["ok", "unreadable"]


def test_lists_of_files_are_of_one_source_and_lose_none() -> None:
    files = [_file(f"{i:02d}", size=i << 20, source="ab"[i % 2]) for i in range(20)]
    lists = share_out(files, cores=2)
    assert all(len({file.source for file in group}) == 1 for group in lists)
    assert sorted(file.name for group in lists for file in group) == [f.name for f in files]
    sizes = [sum(file.bytes for file in group) for group in lists]
    assert sizes == sorted(sizes, reverse=True)
