"""A damaged ledger: nothing that was published is taken back, and whoever damaged it is named."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from databank.errors import DataBankError
from databank.tables import Column, DeltaStore, TableSpec
from databank.tables.files import BEGUN
from databank.tables.ops import RUN
from databank.tables.published_reader import PublishedReader

# the first run of a session takes long
pytestmark = pytest.mark.slow

DAY = date(2026, 1, 31)
MADE = TableSpec(
    name="core.made",
    grain="one row per id",
    owner="make",
    key=("id",),
    columns=(Column("id", "bigint", "the id"),),
)
_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


def run(spark: SparkSession, root: Path, number: int, *, killed: bool = False) -> None:
    """A run that adds a row, as the runner does it; killed before it publishes, or not."""
    store, run_id = DeltaStore(spark, str(root)), f"20260131-make-{number}"
    store.start_run(run_id, [MADE])
    store.append(MADE, store.small(MADE, [(number,)]))
    if killed:
        return
    store.publish("make", DAY)
    record = (run_id, "make", [], DAY, "done", None, "h", 1, {}, {MADE.name: 0}, {}, None, 1.0)
    store.append(RUN, store.small(RUN, [record]), checked=True)
    store.files.delete(f"{BEGUN}/{run_id}")


def ids(spark: SparkSession, root: Path) -> list[int]:
    return sorted(row["id"] for row in DeltaStore(spark, str(root)).read(MADE).collect())


@pytest.fixture(scope="module")
def sound(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank in which one job has run twice."""
    root = tmp_path_factory.mktemp("sound") / "root"
    for number in (1, 2):
        run(spark_session, root, number)
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "bank"))


def delete_row(spark: SparkSession, root: Path) -> None:
    spark.conf.unset(_METADATA)
    DeltaTable.forPath(spark, f"{root}/ops/publish").delete("table = 'core.made'")


def lose_newest(spark: SparkSession, root: Path) -> None:
    """As ops.publish from an older backup would be."""
    for file in (root / "ops/publish/_delta_log").glob("*00001.*"):
        file.unlink()


def lose_publish(spark: SparkSession, root: Path) -> None:
    shutil.rmtree(root / "ops/publish")


def lose_ledgers(spark: SparkSession, root: Path) -> None:
    shutil.rmtree(root / "ops")


def alter_run(spark: SparkSession, root: Path) -> None:
    spark.conf.unset(_METADATA)
    DeltaTable.forPath(spark, f"{root}/ops/run").update(set={"outcome": "'failed'"})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (delete_row, r"ops\.publish: version 2 \(DELETE\) was not .* bring version 1 back by"),
        (lose_newest, r"core\.made: run 20260131-make-2 published it, and ops\.publish has no"),
        (lose_publish, r"ops\.publish: nothing lies at .* although ops\.run tells of runs"),
        (lose_ledgers, r"core\.made: neither ops\.run nor ops\.publish knows run 20260131-make-1"),
    ],
)
def test_published_tables_outlive_a_damaged_ledger(
    spark_session: SparkSession,
    root: Path,
    damage: Callable[[SparkSession, Path], None],
    says: str,
) -> None:
    damage(spark_session, root)
    with pytest.raises(DataBankError, match=says):
        run(spark_session, root, 3)
    rows = spark_session.read.format("delta").load(f"{root}/core/made")
    assert sorted(row["id"] for row in rows.collect()) == [1, 2]


@pytest.mark.nightly
def test_a_restored_ledger_is_taken(spark_session: SparkSession, root: Path) -> None:
    delete_row(spark_session, root)
    DeltaTable.forPath(spark_session, f"{root}/ops/publish").restoreToVersion(1)
    run(spark_session, root, 3)
    assert ids(spark_session, root) == [1, 2, 3]


def test_records_of_runs_that_somebody_altered_are_refused(
    spark_session: SparkSession, root: Path
) -> None:
    store = DeltaStore(spark_session, str(root))
    store.refuse_altered(RUN)
    alter_run(spark_session, root)
    with pytest.raises(DataBankError, match=r"ops\.run: version 2 \(UPDATE\) was not written by"):
        store.refuse_altered(RUN)


@pytest.mark.nightly  # VACUUM lists files in hundreds of tasks
def test_vacuum_and_optimize_are_nobody_elses_work(spark_session: SparkSession, root: Path) -> None:
    spark_session.conf.unset(_METADATA)
    for table in ("core/made", "ops/publish", "ops/run"):
        spark_session.sql(f"OPTIMIZE delta.`{root}/{table}`")
        spark_session.sql(f"VACUUM delta.`{root}/{table}`")
    run(spark_session, root, 3)
    assert ids(spark_session, root) == [1, 2, 3]
    DeltaStore(spark_session, str(root)).refuse_altered(RUN)


@pytest.mark.nightly
def test_a_killed_run_is_taken_back_and_so_is_the_first_one(
    spark_session: SparkSession, root: Path, tmp_path: Path
) -> None:
    run(spark_session, root, 3, killed=True)
    assert [path.name for path in (root / BEGUN).iterdir()] == ["20260131-make-3"]
    run(spark_session, root, 4)
    assert ids(spark_session, root) == [1, 2, 4]
    first = tmp_path / "first"
    run(spark_session, first, 1, killed=True)
    run(spark_session, first, 2)
    assert ids(spark_session, first) == [2]


def test_a_version_that_was_published_and_is_gone_is_named(
    spark_session: SparkSession, root: Path
) -> None:
    for file in (root / "core/made/_delta_log").glob("*00001.*"):
        file.unlink()
    with pytest.raises(DataBankError, match=r"published at version 1, but the newest version is 0"):
        run(spark_session, root, 3)


def test_an_empty_file_in_the_log_is_no_commit(spark_session: SparkSession, root: Path) -> None:
    (root / "core/made/_delta_log/00000000000000000001.json").write_text("")
    with pytest.raises(DataBankError, match=r"core\.made: .*1\.json: is no commit of Delta"):
        run(spark_session, root, 3)


def test_readers_outside_spark_name_what_is_lost(spark_session: SparkSession, root: Path) -> None:
    assert PublishedReader(str(root)).find(MADE.name, ("id",), "true") == [(1,), (2,)]
    shutil.rmtree(root / "core/made")
    with pytest.raises(DataBankError, match=r"core\.made: .* nothing lies there, and version 1"):
        PublishedReader(str(root)).find(MADE.name, ("id",), "true")
    lose_publish(spark_session, root)
    with pytest.raises(DataBankError, match=r"ops\.publish: .* ops\.run tells of runs"):
        PublishedReader(str(root))
