"""Small tables and ledgers of a local disk: read and written as Spark reads and writes them."""

import os
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession, functions as F

from databank.tables import Column, DeltaStore, TableSpec, delta_store, direct, ledgers
from databank.tables.direct import read_small_version
from databank.tables.ledgers import TakenError, append_to_ledger
from databank.tables.ops import PUBLISH, RUN

# the types of a spec are read by Spark
pytestmark = pytest.mark.usefixtures("spark_session")
KINDS = (
    "id bigint, at timestamp, day date, name string, amount decimal(28,8), "
    "ids array<bigint>, props map<string,string>"
)
ROWS = [
    f"(1, timestamp'2026-01-31 10:00:00.123456', date'2026-01-31', 'a', 1.5, array(1, 2), {props})"
    for props in ("map('k', 'v')", "map()")
] + ["(null, null, null, null, null, null, null)"]


@pytest.fixture
def table(spark_session: SparkSession, tmp_path: Path) -> str:
    """A table of two versions in a folder with an odd name; the second has a column more."""
    path = tmp_path / "a=b ü#,:" / "made"
    rows = spark_session.sql(f"SELECT * FROM VALUES {', '.join(ROWS)}")
    rows = rows.toDF("id", "at", "day", "name", "amount", "ids", "props")
    columns = [F.col(part.split()[0]).cast(part.split()[1]) for part in KINDS.split(", ")]
    rows = rows.select(*columns)
    rows.write.format("delta").save(str(path))
    more = rows.withColumn("more", F.lit("x"))
    more.write.format("delta").mode("append").option("mergeSchema", "true").save(str(path))
    return str(path)


def test_versions_are_what_delta_reads(spark_session: SparkSession, table: str) -> None:
    for version, count in ((0, 3), (1, 6)):
        small = read_small_version(spark_session, table, version)
        assert small is not None
        reader = spark_session.read.format("delta").option("versionAsOf", version)
        whole = reader.load(table)
        assert small.schema == whole.schema
        assert sorted(map(str, small.collect())) == sorted(map(str, whole.collect()))
        assert small.count() == count
    emptied = spark_session.read.format("delta").load(table).limit(0)
    emptied.write.format("delta").mode("overwrite").save(table)
    small = read_small_version(spark_session, table, 2)
    assert small is not None
    assert (small.schema, small.collect()) == (emptied.schema, [])


def test_what_only_delta_can_tell_is_left_to_it(
    spark_session: SparkSession, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_small_version(spark_session, table, 7) is None
    assert read_small_version(spark_session, table + "/absent", 0) is None
    with monkeypatch.context() as patched:
        patched.setattr(direct, "_MOST_BYTES", 10)
        assert read_small_version(spark_session, table, 1) is None
    with monkeypatch.context() as patched:
        patched.setattr(direct, "_MOST_FILES", 0)
        assert read_small_version(spark_session, table, 1) is None
    Path(table).parent.rename(tmp_path / "a[b]")
    assert read_small_version(spark_session, str(tmp_path / "a[b]" / "made"), 1) is None
    Path(tmp_path / "a[b]").rename(Path(table).parent)
    rows = spark_session.range(3).withColumn("more", F.lit(1))
    for option, name in (("delta.enableDeletionVectors", "vectors"), ("none", "parts")):
        path = str(Path(table).parent / name)
        writer = rows.write.format("delta").option(option, "true")
        (writer.partitionBy("id") if name == "parts" else writer).save(path)
        assert read_small_version(spark_session, path, 0) is None
    for file in Path(table).glob("*.parquet"):
        file.unlink()
    assert read_small_version(spark_session, table, 1) is None


LEDGER = TableSpec("ops.log", "one row per n", (Column("n", "bigint", "n"),), "runner")


def test_a_number_is_committed_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write_deltalake(path, pa.table({"n": [0]}))
    for number in (0, 1):
        append_to_ledger(str(path), LEDGER, [(number,)], run_id="r", once=("publish:j", number))
        with pytest.raises(TakenError):
            append_to_ledger(str(path), LEDGER, [(9,)], run_id="s", once=("publish:j", number))
    append_to_ledger(str(path), LEDGER, [(2,), (3,)], run_id="r")
    table = DeltaTable(path)
    assert sorted(table.to_pyarrow_table()["n"].to_pylist()) == [0, 0, 1, 2, 3]
    assert [each.get("userMetadata") for each in table.history()] == [*["databank:r"] * 3, None]


def test_of_two_at_once_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "log")
    write_deltalake(path, pa.table({"n": [0]}))

    def beside(*given: Any, **options: Any) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(ledgers, "write_deltalake", write_deltalake)
            append_to_ledger(path, LEDGER, [(1,)], run_id="quick", once=("publish:j", 3))
        write_deltalake(*given, **options)

    monkeypatch.setattr(ledgers, "write_deltalake", beside)
    with pytest.raises(TakenError):
        append_to_ledger(path, LEDGER, [(2,)], run_id="slow", once=("publish:j", 3))
    assert sorted(DeltaTable(path).to_pyarrow_table()["n"].to_pylist()) == [0, 1]


def test_where_delta_rs_cannot_write_it_says_so(
    spark_session: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not append_to_ledger(str(tmp_path / "absent"), RUN, [], run_id="r")
    # and Spark writes
    store = DeltaStore(spark_session, str(tmp_path))
    row = ("p", date(2026, 1, 31), "r", "core.made", 0, 1)
    for number in range(2):
        store.append_rows(PUBLISH, [row])
        monkeypatch.setattr(delta_store, "append_to_ledger", lambda *_, **__: False)
        rows = store.ledger_rows(PUBLISH)
        assert rows is not None
        assert rows.num_rows == number + 1


def test_a_ledger_gets_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write_deltalake(path, pa.table({"n": [0]}))
    for number in range(20):
        assert append_to_ledger(str(path), LEDGER, [(number,)], run_id="r")
    assert [file.name[:20] for file in path.glob("_delta_log/*.checkpoint.parquet")] == [
        f"{20:020d}"
    ]
    assert DeltaTable(path).to_pyarrow_table().num_rows == 21
    long_ago = time.time() - 60 * 86_400
    for file in path.glob("_delta_log/*"):
        os.utime(file, (long_ago, long_ago))
    for number in range(20):
        assert append_to_ledger(str(path), LEDGER, [(number,)], run_id="r")
    # what a later checkpoint holds has gone from the log after a month, as Delta has it
    assert not (path / "_delta_log" / f"{0:020d}.json").exists()
    assert DeltaTable(path).to_pyarrow_table().num_rows == 41
