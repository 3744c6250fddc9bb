"""Whatever a delivery holds, each of its records is loaded, repeated or in quarantine.

The generator of the dirt counts what it writes; so does another reader, where it can.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pandas as pd
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from pyspark.sql import SparkSession

from databank.quality.tables import QUARANTINE
from databank.sources.tables import EVENTS
from tests.unit.sources.world import World

TIME = "2026-01-15T10:00:00Z"
COLUMNS = {"event_id": "id", "event_ts": "ts", "event": {"expr": "'seen'"}, "amount": "amount"}
# what a record says beside its id -> does it load?
VALUES = {
    ("2026-01-15T10:00:00Z", "1.5", "u1"): True,
    ("2026-01-15 10:00:00", "", ""): True,
    ("2026-01-15T10:00:00Z", "-3", '5" pipe'): True,
    ("2026-01-15T10:00:00Z", "1", "u,2"): True,
    ("2026-01-15T10:00:00Z", "2", "名\u00a0\u200b"): True,
    ("2026-02-30T10:00:00Z", "1", "u1"): False,
    ("soon", "1", "u1"): False,
    ("", "1", "u1"): False,
    ("1969-12-31T10:00:00Z", "1", "u1"): False,
    ("2031-01-01T10:00:00Z", "1", "u1"): False,
    ("2026-01-15T10:00:00Z", "1,5", "u1"): False,
    ("2026-01-15T10:00:00Z", "9" * 30, "u1"): False,
}
# texts that are one record of their format and can never be one of an event
BROKEN = {
    "csv": ["x", f"x,{TIME},1", f"x,{TIME},1,u,more,still", f'"x,{TIME},1,u'],
    "json": ["{", "nothing", "[1]", '{"id": "x"} and more', f'{{"id": "x", "ts": "{TIME}"'],
}
Record = tuple[str, str, str, str]


@dataclass(frozen=True)
class File:
    """A file of a delivery: records of (id, ts, amount, user), and lines that are none."""

    format: str
    packed: bool
    records: list[Record]
    broken: list[str]

    @property
    def n(self) -> int:
        return len(self.records) + len(self.broken)

    def content(self) -> bytes:
        return WRITERS[self.format](self)


def csv_of(file: File) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("id", "ts", "amount", "user"), *file.records])
    assert sum(1 for _ in csv.reader(io.StringIO(out.getvalue()))) == len(file.records) + 1
    # a line for nobody: it is no record
    return (out.getvalue() + "\n" + "".join(f"{line}\n" for line in file.broken)).encode()


def json_of(file: File) -> bytes:
    rows = [json.dumps(dict(zip(("id", "ts", "amount", "user"), r, strict=True)))
            for r in file.records]  # fmt: skip
    # the first line says that the file is one of lines
    return "\n".join([*rows, "", *file.broken]).encode()


def table_of(records: list[Record]) -> pd.DataFrame:
    return pd.DataFrame(records, columns=["id", "ts", "amount", "user"], dtype="object")


def parquet_of(file: File) -> bytes:
    out = io.BytesIO()
    table_of(file.records).to_parquet(out)
    assert len(pd.read_parquet(io.BytesIO(out.getvalue()))) == file.n
    return out.getvalue()


WRITERS: Mapping[str, Callable[[File], bytes]] = {
    "csv": csv_of,
    "json": json_of,
    "parquet": parquet_of,
}
IDS = st.integers(0, 30).map(str)
RECORDS = st.builds(lambda key, values: (key, *values), IDS, st.sampled_from(list(VALUES)))


@st.composite
def files(draw: st.DrawFn) -> File:
    format_ = draw(st.sampled_from(sorted(WRITERS)))
    lines = st.lists(st.sampled_from(BROKEN[format_]), max_size=5) if format_ in BROKEN else None
    return File(
        format_,
        format_ in BROKEN and draw(st.booleans()),
        draw(st.lists(RECORDS, min_size=1, max_size=25)),
        draw(lines) if lines is not None else [],
    )


def source(format_: str) -> dict[str, Any]:
    return {
        "source": format_, "format": format_, "becomes": "events",
        "path": f"in/{format_}" if format_ == "delta" else f"in/{format_}/*",
        "columns": COLUMNS, "identifiers": {"user_id": "user"}, "quarantine_limit": 1,
    }  # fmt: skip


@pytest.mark.nightly
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),  # to shrink a delivery takes minutes, and each file names itself
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    delivery=st.lists(files(), min_size=6, max_size=12),
    table=st.lists(RECORDS, min_size=1, max_size=25),
)
def test_records_are_loaded_repeated_or_in_quarantine(
    spark_session: SparkSession, delivery: list[File], table: list[Record]
) -> None:
    formats = sorted({file.format for file in delivery} | {"delta"})
    world = World(spark_session, Path(mkdtemp()), tuple(map(source, formats)), memory=True)
    written = {"in/delta@v0": File("delta", False, table, [])}
    write_deltalake(world.root / "in/delta", table_of(table))
    for number, file in enumerate(delivery):
        name = f"{file.format}/{number:02}.{file.format}{'.gz' if file.packed else ''}"
        written[f"in/{name}"] = file
        world.put(name, file.content())
    outcome = world.run()
    assert outcome.outcome == "done", outcome.error

    files_read = dict(world.rows("raw.file", "file", "rows"))
    assert files_read == {name: file.n for name, file in written.items()}
    # neither table is there where no record came to it
    loaded = Counter(row[0] for row in world.store.read(EVENTS).select("source").collect())
    refused = Counter(row[0] for row in world.store.read(QUARANTINE).select("file").collect())
    repeated = 0
    for format_ in formats:
        ids = [
            record[0]
            for file in written.values()
            if file.format == format_
            for record in file.records
            if VALUES[record[1:]]
        ]
        assert loaded[format_] == len(set(ids)), format_
        repeated += len(ids) - len(set(ids))
    for name, file in written.items():
        faulty = sum(not VALUES[record[1:]] for record in file.records)
        assert refused[name] == faulty + len(file.broken), name
    assert outcome.summary["repeated or not newer"] == repeated
    assert outcome.summary["records"] == sum(file.n for file in written.values())
    assert outcome.summary["records"] == loaded.total() + repeated + refused.total()
