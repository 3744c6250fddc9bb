"""Published tables written without Spark, for tests of what reads without it."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, write_deltalake

from databank.project.catalog import all_tables

_PLAIN = {
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
_LEDGERS = ("ops.run", "ops.metric")
_DAY = date(2026, 1, 31)


def publish_rows(root: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Write rows as the first version of tables, and publish them; what a row lacks is null.

    Returns:
        The root, as commands take it.
    """
    for name, rows in tables.items():
        _write(root, name, rows)
    published = [name for name in tables if name not in _LEDGERS]
    shown = {"job": "test", "day": _DAY, "run_id": "test", "version": 0}
    rows = [{"table": name, "seq": at, **shown} for at, name in enumerate(published)]
    _write(root, "ops.publish", rows)
    return str(root)


def _write(root: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    spec = all_tables()[name]
    schema = pa.schema([(column.name, _arrow(column.type)) for column in spec.columns])
    assert {key for row in rows for key in row} <= set(schema.names), name
    written = pa.Table.from_pylist(list(rows), schema=schema)
    by_databank = CommitProperties(custom_metadata={"userMetadata": "databank:test"})
    write_deltalake(root / name.replace(".", "/"), written, commit_properties=by_databank)


def _arrow(written: str) -> pa.DataType:
    """Translate a type of a table into Arrow's."""
    if digits := re.fullmatch(r"decimal\((\d+),(\d+)\)", written):
        return pa.decimal128(*map(int, digits.groups()))
    if inner := re.fullmatch(r"array<(\w+)>", written):
        return pa.list_(_PLAIN[inner[1]])
    if inner := re.fullmatch(r"map<(\w+),(\w+)>", written):
        return pa.map_(_PLAIN[inner[1]], _PLAIN[inner[2]])
    return _PLAIN[written]
