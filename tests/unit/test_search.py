"""The search of tests finds a text however a file holds it."""

import gzip
import json
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.search import holding

PHONE, NAME = "13912345678", "Zoë Quill"


def test_each_kind_of_file_is_read(tmp_path: Path) -> None:
    table = pa.table({"value": [[f"+86 {PHONE}"]], "inner": [{"name": NAME}]})
    pq.write_table(table, tmp_path / "rows.parquet", compression="zstd")
    column = pa.table({"value": [PHONE, "z"], "name": [NAME, NAME]})
    pq.write_table(column.slice(0, 0), tmp_path / "empty.parquet")
    stats = json.dumps({"minValues": {"phone": PHONE, "name": NAME}})
    (tmp_path / "commit.json").write_text(json.dumps({"add": {"stats": stats}}) + "\n")
    (tmp_path / "commit.crc").write_text(json.dumps({"allFiles": [{"stats": stats}]}))
    (tmp_path / "lines.gz").write_bytes(gzip.compress(f"139 1234-5678,{NAME}".encode()))
    (tmp_path / "page.html").write_text(f"<p>(139) 12345678</p><b>Zo&euml; Quill</b>{PHONE}")
    (tmp_path / "plain.log").write_text(f"{PHONE} {NAME.upper()}")
    with sqlite3.connect(tmp_path / "runs.db") as database:
        database.execute("CREATE TABLE t (phone TEXT, name TEXT)")
        database.execute("INSERT INTO t VALUES (?, ?)", (PHONE, NAME))
    database.close()
    everywhere = {path.name for path in tmp_path.iterdir()} - {"empty.parquet"}
    assert holding(tmp_path, [PHONE, NAME, "13900000000"]) == {
        PHONE: everywhere,
        NAME: everywhere,
        "13900000000": set(),
    }
