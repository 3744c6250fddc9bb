"""Which files hold a text, however they are written: Parquet, JSON, gzip, SQLite, HTML, plain text.

The reader of Parquet is pyarrow's, footers included; that of JSON and SQLite is Python's.
"""

import contextlib
import gzip
import html
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

_BETWEEN = re.compile(r"[\s()+-]")


def holding(folder: Path, values: Iterable[str]) -> dict[str, set[str]]:
    """The files below a folder that hold a value, by the value; case and +-() of phones aside."""
    places: dict[str, set[str]] = {_plain(value): set() for value in values}
    assert all(len(value) > 3 for value in places), "too short to be somebody's"
    names = {_plain(value): value for value in values}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        text = _plain("\n".join(_texts(path)))
        for value, files in places.items():
            if value in text:
                files.add(str(path.relative_to(folder)))
    return {names[value]: files for value, files in places.items()}


def _texts(path: Path) -> Iterator[str]:
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:4] == b"PAR1":
        yield from _of_parquet(path)
    elif data.startswith(b"SQLite format 3"):
        with contextlib.closing(sqlite3.connect(path)) as database:
            yield from database.iterdump()
    text = data.decode("utf-8", errors="replace")
    yield text
    yield html.unescape(text)
    for line in text.splitlines() if path.suffix in (".json", ".crc") else ():
        with contextlib.suppress(ValueError):
            yield from _of_json(json.loads(line))


def _of_json(value: object) -> Iterator[str]:
    """Texts and numbers; statistics are JSON within JSON."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _of_json(each)
        return
    yield str(value)
    if isinstance(value, str) and value.startswith("{"):
        with contextlib.suppress(ValueError):
            yield from _of_json(json.loads(value))


def _of_parquet(path: Path) -> Iterator[str]:
    file = pq.ParquetFile(path)
    for group in range(file.metadata.num_row_groups):
        for column in range(file.metadata.num_columns):
            yield str(file.metadata.row_group(group).column(column).statistics)
    yield str(file.read().to_pylist())


def _plain(text: str) -> str:
    return _BETWEEN.sub("", text.lower())
