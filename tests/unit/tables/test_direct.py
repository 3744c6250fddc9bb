"""Small tables and ledgers of a local disk: read and written as Spark reads and writes them."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession, functions as F

from databank.errors import DataBankError
from databank.tables import Column, TableSpec, direct
from databank.tables.direct import read_small_version
from databank.tables.ledgers import TakenError, append_to_ledger
from databank.tables.ops import RUN

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


def test_a_ledger_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataBankError, match=r"ops\.run: cannot be written at .*; see that there"):
        append_to_ledger(str(tmp_path / "absent"), RUN, [], run_id="r")
