"""Formats: which units there are, new, altered, readable; and a format that a test adds."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pydantic import Field
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.config import ConfigReader
from databank.errors import ConfigFaultsError
from databank.session import small_frame
from databank.sources.formats.base import SourceFormat
from databank.sources.formats.lines import SCHEMA
from databank.sources.formats.registry import (
    FORMATS,
    format_reference,
    read_source,
    register_format,
    source_type,
)
from databank.sources.formats.text import share_out
from databank.sources.opening import opened
from databank.sources.units import Known, KnownUnit, SourceUnit, is_refused_again, split_new
from databank.tables import Store
from databank.tables.files import Files
from tests.support.memory_store import MemoryStore
from tests.support.plain_store import PlainStore
from tests.unit.sources.world import World

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
COLUMNS = {"event_id": "id", "event_ts": "ts", "event": "name"}


def _source(path: str, format_: str = "csv") -> SourceFormat:
    return read_source(
        {"source": "s", "format": format_, "path": path, "becomes": "events", "columns": COLUMNS}
    )


def _file(name: str, size: int = 10) -> SourceUnit:
    return SourceUnit("s", name, f"/{name}", size=size, modified=NOON)


def _known(size: int, status: str) -> KnownUnit:
    return KnownUnit(size, NOON, None, status)


@pytest.fixture
def store(spark_session: SparkSession, tmp_path: Path) -> Store:
    return MemoryStore(spark_session, tmp_path)


def test_a_path_may_have_wildcards_in_folders_and_names(store: Store, tmp_path: Path) -> None:
    for name in ("in/a/1.csv", "in/a/2.csv", "in/b/1.csv", "in/b/1.txt", "in/_x/1.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("id,ts,name\n")
    units = _source("in/*/?.csv").list_units(store.files, {})
    assert [unit.name for unit in units] == ["in/a/1.csv", "in/a/2.csv", "in/b/1.csv"]
    assert {unit.base for unit in units} == {"in/"}


def test_links_are_followed_within_the_root_and_the_folder_of_the_source(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    for name in ("outside/secret.csv", "outside/more/2.csv", "root/other/3.csv", "root/in/1.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("id,ts,name\n")
    (root / "in/secret.csv").symlink_to(outside / "secret.csv")
    (root / "in/2.csv").symlink_to(root / "in/secret.csv")
    (root / "in/3.csv").symlink_to(root / "other/3.csv")
    (root / "in/loop.csv").symlink_to(root / "in/loop.csv")
    (root / "linked").symlink_to(outside / "more")
    (root / "many").mkdir()
    (root / "many/linked").symlink_to(outside / "more")
    store = PlainStore(root)

    def listed(path: str) -> dict[str, str]:
        units = _source(path).list_units(store.files, {})
        return {unit.name: unit.status for unit in units}

    assert listed("in/*.csv") == {
        "in/1.csv": "ok", "in/2.csv": "link", "in/3.csv": "ok", "in/secret.csv": "link"
    }  # fmt: skip
    # whoever writes the path may name any folder
    assert listed("linked/*.csv") == {"linked/2.csv": "ok"}
    assert listed("many/*/*.csv") == {"many/linked/2.csv": "link"}
    assert listed(f"{outside}/*.csv") == {f"{outside}/secret.csv": "ok"}


def test_a_loaded_unit_is_never_loaded_again_and_a_broken_one_when_it_changed() -> None:
    known = {
        ("s", "same"): _known(10, "ok"),
        ("s", "grown"): _known(9, "ok"),
        ("s", "still broken"): _known(10, "truncated"),
        ("s", "repaired"): _known(9, "truncated"),
        ("s", "other columns"): _known(10, "columns"),
    }
    names = [*(name for _, name in known), "fresh"]
    new, altered = split_new([_file(name) for name in names], known, lambda unit: None)
    assert [unit.name for unit in new] == ["repaired", "other columns", "fresh"]
    assert [unit.name for unit in altered] == ["grown"]
    assert not any(is_refused_again(unit, known) for unit in new)


def test_a_csv_file_without_a_declared_column_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text('name,id,"ts",more\n')
    (tmp_path / "bad.csv").write_text("id,name\n")
    (tmp_path / "empty.csv").write_text("")
    source = _source("*.csv")
    bad, empty, good = map(source.inspect, source.list_units(store.files, {}))
    assert (bad.status, bad.reason, bad.first_line) == ("columns", "columns missing: ts", "id,name")
    assert (empty.status, empty.columns) == ("ok", ())
    assert (good.status, good.columns) == ("ok", ("name", "id", "ts", "more"))
    # and is not reported again as long as neither the file nor the columns change
    assert is_refused_again(
        bad, {("s", "bad.csv"): KnownUnit(bad.size, bad.modified, None, "columns")}
    )


def test_a_parquet_file_that_cannot_be_read_is_refused(store: Store, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1"], "ts": ["x"], "name": ["n"]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more")
    source = _source("*.parquet", "parquet")
    units = [source.inspect(unit) for unit in source.list_units(store.files, {})]
    assert [unit.status for unit in units] == ["ok", "unreadable"]


def test_lists_of_files_are_about_equal_and_lose_none() -> None:
    units = [_file(f"{i:02d}", size=i << 20) for i in range(20)]
    lists = share_out(units, cores=2)
    assert sorted(unit.name for group in lists for unit in group) == [unit.name for unit in units]
    assert len(lists) > 4
    sizes = [sum(unit.size or 0 for unit in group) for group in lists]
    assert sizes == sorted(sizes, reverse=True)


# ---- a new format: a queue, of which each load reads what came since the last one


TOPICS: dict[str, list[str]] = {}


class QueueFormat(SourceFormat):
    """Messages `name=value;name=value` of a queue, from the last loaded offset on."""

    format: Literal["queue"]
    topic: str = Field(description="Name of the queue")

    def list_units(self, files: Files, known: Known) -> list[SourceUnit]:
        """List what came since the last loaded offset, as one unit."""
        start = max((unit.position or 0 for unit in known.values()), default=0)
        end = len(TOPICS[self.topic])
        if start == end:
            return []
        name = f"{self.topic}@{start}-{end}"
        return [SourceUnit(self.source, name, place=self.topic, position=end)]

    def read_raw(self, spark: SparkSession, units: Sequence[SourceUnit], *, root: str) -> DataFrame:
        """Read the messages of each range, with their offsets as lines."""
        rows = [
            (self.source, unit.name, offset, None, TOPICS[self.topic][offset])
            for unit in units
            for offset in range(int(unit.name.split("@")[1].split("-")[0]), unit.position or 0)
        ]
        return small_frame(spark, rows, SCHEMA)

    def open_records(self, records: DataFrame, columns: Sequence[str]) -> DataFrame:
        """Read `name=value` pairs."""
        pairs = F.str_to_map("_record.value", F.lit(";"), F.lit("="))
        bad = F.when(~F.contains(F.col("_record.value"), F.lit("=")), F.lit("no pairs"))
        return opened(
            records, self, bad=bad, fields={n: pairs[n] for n in ("id", "at", "who", "x")}
        )


QUEUE: dict[str, Any] = {
    "source": "clicks",
    "format": "queue",
    "topic": "web",
    "becomes": "events",
    "columns": {"event_id": {"hash": "position"}, "event_ts": "at", "event": {"expr": "'click'"}},
    "identifiers": {"user_id": "who"},
}


@pytest.fixture
def _queues() -> Iterator[None]:
    register_format(QueueFormat)
    yield
    del FORMATS["queue"]
    TOPICS.clear()


def _read(folder: Path, **changes: str) -> ConfigReader:
    (folder / "sources").mkdir(parents=True)
    (folder / "sources" / "clicks.yml").write_text(yaml.safe_dump(QUEUE | changes))
    reader = ConfigReader(folder)
    reader.read_folder("sources", source_type)
    return reader


@pytest.mark.usefixtures("_queues")
def test_a_new_format_is_one_class_and_one_line(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    with pytest.raises(ConfigFaultsError, match=r"clicks.yml: topik: .* did you mean 'topic'"):
        _read(tmp_path / "wrong", topik="web").finish()
    _read(tmp_path / "right").finish()
    [described] = [each for each in format_reference() if each.format == "queue"]
    assert described.description.startswith("Messages `name=value;name=value` of a queue")
    assert [(key.name, key.description) for key in described.keys] == [
        ("topic", "Name of the queue")
    ]

    TOPICS["web"] = ["at=2026-01-30 10:00:00;who=u1;x=7", "nonsense"]
    world = World(spark_session, tmp_path, (QUEUE,), memory=True)
    assert world.run().error is None
    TOPICS["web"].append("at=2026-01-31 10:00:00;who=u2")
    assert world.run().summary["loaded"] == 1
    assert world.run().summary == {"new files": 0}
    columns = ("cast(event_ts as string)", "event", "size(ids)", "props['x']")
    assert world.rows("core.events", *columns) == [
        ("2026-01-30 10:00:00", "click", 1, "7"),
        ("2026-01-31 10:00:00", "click", 1, None),
    ]
    assert world.rows("ops.quarantine", "file", "line", "rule", "reason", "raw") == [
        ("web@0-2", 1, "format", "no pairs", "nonsense")
    ]
    assert world.rows("raw.file", "file", "bytes", "position", "rows") == [
        ("web@0-2", None, 2, 2),
        ("web@2-3", None, 3, 1),
    ]
