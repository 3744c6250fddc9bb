"""The only door to Delta.

Delta commits one table at a time. A job therefore writes its tables, and then publishes them
together by rows in ops.publish; readers take the versions found there. What a crashed run left
behind the published version is taken back before the next run of the job writes.
"""

import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession, functions as F
from pyspark.storagelevel import StorageLevel

from databank.errors import DataBankError
from databank.session import small_frame
from databank.tables.checks import conform, refuse_outside, refuse_unsafe_keys
from databank.tables.feed import ChangeFeed
from databank.tables.files import Files
from databank.tables.ops import PUBLISH
from databank.tables.restore import COMMIT_PREFIX, restore
from databank.tables.spec import TableSpec


def _die_if_told(point: str) -> None:
    """Die here if DATABANK_FAULT names this point; how scripts/check_crash proves recovery."""
    if os.environ.get("DATABANK_FAULT") == point:
        os.kill(os.getpid(), signal.SIGKILL)


class TableStore:
    """Reads and writes the tables of one warehouse for one run.

    Attributes:
        fault: Called with `before:<table>`, `after:<table>` and `publish:<job>`; tests put a
            raising function here.
    """

    fault: Callable[[str], None] = staticmethod(_die_if_told)

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark = spark
        self.files = Files(spark, root)
        self.root = self.files.root
        self.run_id = "none"
        self.published: dict[str, int] = {}
        self.versions_read: dict[str, int] = {}
        self.versions_written: dict[str, int] = {}
        self.rows_written: dict[str, int] = {}
        self._owned: frozenset[str] = frozenset()
        self._appends = 0
        self._publish_version, self._seq = -1, 0
        self.refresh()

    def path(self, table: TableSpec | str) -> str:
        """Where a table lies."""
        name = table if isinstance(table, str) else table.name
        return f"{self.root}/{name.replace('.', '/')}"

    def scratch(self, name: str) -> str:
        """A path for files that live as long as the run."""
        return f"{self.root}/_scratch/{self.run_id}/{name}"

    def materialise(self, name: str, rows: DataFrame) -> DataFrame:
        """Rows as files of this run: computed once, their size known, safe from lost executors."""
        rows.write.parquet(self.scratch(name))
        return self.spark.read.schema(rows.schema).parquet(self.scratch(name))

    # ---- a run

    def refresh(self) -> None:
        """Read again which versions are published, if anything was since the last look."""
        version = self._current(PUBLISH)
        if version is None or version == self._publish_version:
            return
        latest = (
            self.spark.read.format("delta")
            .option("versionAsOf", version)
            .load(self.path(PUBLISH))
            .groupBy("table")
            .agg(F.max_by("version", "seq").alias("version"), F.max("seq").alias("seq"))
            .collect()  # one row per table of the bank: a few dozen
        )
        self.published = {row["table"]: row["version"] for row in latest}
        self._seq = max(row["seq"] for row in latest)
        self._publish_version = version

    def start_run(self, run_id: str, owned: Iterable[TableSpec]) -> None:
        """Start a run: forget what earlier runs of this process did, restore the job's tables.

        Raises:
            ForeignCommitError: If somebody else committed to one of the tables.
        """
        self.run_id = run_id
        self.versions_read, self.versions_written, self.rows_written = {}, {}, {}
        self.spark.conf.set(
            "spark.databricks.delta.commitInfo.userMetadata", f"{COMMIT_PREFIX}{run_id}"
        )
        tables = tuple(owned)
        self._owned = frozenset(spec.name for spec in tables)
        for spec in tables:
            restore(self.spark, self.files, self.path(spec), spec.name, self.published)

    def republish(self, versions: Mapping[str, int]) -> None:
        """Have earlier versions of tables published too, but for those that this run wrote."""
        self.versions_written = {**versions, **self.versions_written}

    def publish(self, job: str, day: date) -> None:
        """Make the versions that this run wrote the ones that readers see, in one commit."""
        if not self.versions_written:
            return
        self.fault(f"publish:{job}")
        self.refresh()
        rows = [
            (job, day, self.run_id, table, version, self._seq + 1)
            for table, version in sorted(self.versions_written.items())
        ]
        self.append(PUBLISH, self.small(PUBLISH, rows), checked=True)
        self.published |= self.versions_written
        self._seq += 1
        if self._current(PUBLISH) == self._publish_version + 1:  # nobody else has published
            self._publish_version += 1

    def end_run(self) -> None:
        """Remove the scratch files of the run."""
        self.files.delete(f"{self.root}/_scratch/{self.run_id}")

    # ---- reading

    def is_published(self, table: TableSpec | str) -> bool:
        """Whether a reader would find the table."""
        return (table if isinstance(table, str) else table.name) in self.published

    def read(self, table: TableSpec | str) -> DataFrame:
        """A table at its published version, or as this run has written it.

        A table that was never published is empty; by name alone it must be there.

        Raises:
            DataBankError: If a table named by text has not been published.
        """
        name = table if isinstance(table, str) else table.name
        version = self.versions_written.get(name, self.published.get(name))
        if name not in self._owned:  # a job's own tables are not its input
            self.versions_read[name] = -1 if version is None else version
        if version is None:
            if isinstance(table, str):
                raise DataBankError(f"{name}: not published yet; run the job that writes it first")
            return small_frame(self.spark, [], table.schema())
        return self.read_version(name, version)

    def read_version(self, table: TableSpec | str, version: int) -> DataFrame:
        """A table at some version, which counts neither as read nor as published.

        Raises:
            AnalysisException: If Delta's log does not reach back to it.
        """
        reader = self.spark.read.format("delta").option("versionAsOf", version)
        return reader.load(self.path(table))

    def changes(self, spec: TableSpec, since: int | None) -> DataFrame:
        """Rows that were added to a table after the version `since`; None or -1 = all of it.

        Rows that have been altered or taken back since are not among them. Raises as `feed` does.
        """
        feed = self.feed(spec, since)
        return self.read(spec) if feed is None else feed.added()

    def altered(self, spec: TableSpec, since: int | None) -> DataFrame:
        """Rows that were changed or removed after the version `since`, as before and as after it.

        None or -1 = none. Raises as `feed` does.
        """
        feed = self.feed(spec, since)
        return small_frame(self.spark, [], spec.schema()) if feed is None else feed.altered()

    def feed(self, spec: TableSpec, since: int | None) -> ChangeFeed | None:
        """What came to a table after the version `since`; None where all of it did, or nothing.

        Raises:
            DataBankError: If the table keeps no change feed.
        """
        if not spec.change_feed:
            raise DataBankError(f"{spec.name}: keeps no change feed; declare change_feed=True")
        self.read(spec)
        until = self.versions_read.get(spec.name, -1)
        if since is None or since < 0 or until < 0:
            return None
        path = self.path(spec)
        return ChangeFeed(self.spark, self.files, path, spec, since=since, until=until)

    # ---- writing

    def small(self, spec: TableSpec, rows: Iterable[Sequence[Any]]) -> DataFrame:
        """Rows made on the driver, as a frame that becomes one file."""
        return small_frame(self.spark, rows, spec.schema()).coalesce(1)

    def append(self, spec: TableSpec, rows: DataFrame, *, checked: bool = False) -> None:
        """Add rows; a commit that Delta tries again lands once.

        Args:
            spec: The table.
            rows: Its columns.
            checked: True where the caller has just made the key unique.

        Raises:
            UnsafeKeysError: If a key among the new rows is null or repeated.
        """
        self._write(spec, rows, mode="append", checked=checked)

    def replace(
        self, spec: TableSpec, rows: DataFrame, *, where: str | None = None, checked: bool = False
    ) -> None:
        """Replace all rows, or those that a condition on columns names, in one commit.

        Raises:
            UnsafeKeysError: If a key is null or repeated.
        """
        self._write(spec, rows, mode="overwrite", where=where, checked=checked)

    def upsert(self, spec: TableSpec, rows: DataFrame) -> None:
        """Insert new keys and replace the rows of known keys, in one commit.

        Raises:
            UnsafeKeysError: If a key is null or repeated.
        """
        before = self._current(spec)
        if before is None:
            self._write(spec, rows, mode="append", checked=False)
            return
        self.fault(f"before:{spec.name}")
        rows = conform(rows, spec).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            refuse_unsafe_keys(rows, spec)
            on = " AND ".join(f"target.`{key}` <=> source.`{key}`" for key in spec.key)
            table = DeltaTable.forPath(self.spark, self.path(spec)).alias("target")
            merge = table.merge(rows.alias("source"), on)
            merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
        finally:
            rows.unpersist()
        self._written(spec, before)

    def delete(self, spec: TableSpec, rows: DataFrame, on: str) -> None:
        """Remove the rows of a table that meet a row of `rows`, in one commit.

        Args:
            spec: The table.
            rows: What tells which; few.
            on: SQL that holds for a pair, of `target` and `source`.
        """
        before = self._current(spec)
        if before is None or rows.isEmpty():
            return
        self.fault(f"before:{spec.name}")
        table = DeltaTable.forPath(self.spark, self.path(spec)).alias("target")
        table.merge(rows.alias("source"), on).whenMatchedDelete().execute()
        self._written(spec, before)

    def replace_keys(self, spec: TableSpec, rows: DataFrame, scope: DataFrame) -> None:
        """Replace all rows whose columns match a row of `scope` by `rows`, in one commit.

        The table is written anew: persons lie in all files, so that a merge would write them
        all too, after two joins instead of one. An empty scope writes nothing.

        Args:
            spec: The table.
            rows: What is to be there afterwards for the scope, and nothing outside of it.
            scope: Distinct values of some key columns, e.g. (person_id, day).

        Raises:
            UnsafeKeysError: If a key among the new rows is null or repeated.
        """
        before = self._current(spec)
        if before is None:
            return self._write(spec, rows, mode="append", checked=False)
        if scope.isEmpty():
            return self._written(spec, before)
        rows = conform(rows, spec).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            refuse_unsafe_keys(rows, spec)
            refuse_outside(rows, spec.name, scope)
            kept = self.read_version(spec, before).join(scope, scope.columns, "left_anti")
            self._write(spec, kept.unionByName(rows), mode="overwrite", checked=True)
        finally:
            rows.unpersist()

    # ---- inside

    def _write(
        self,
        spec: TableSpec,
        rows: DataFrame,
        *,
        mode: str,
        where: str | None = None,
        checked: bool,
    ) -> None:
        self.fault(f"before:{spec.name}")
        before = self._current(spec)
        rows = conform(rows, spec)
        guarded = bool(spec.key) and not checked
        if guarded:
            rows = rows.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            if guarded:
                refuse_unsafe_keys(rows, spec)
            self._writer(spec, rows, before, mode=mode, where=where).save(self.path(spec))
        finally:
            if guarded:
                rows.unpersist()
        self._written(spec, before)

    def _writer(
        self, spec: TableSpec, rows: DataFrame, before: int | None, *, mode: str, where: str | None
    ) -> DataFrameWriter:
        writer = rows.write.format("delta").mode(mode)
        if before is None:
            if spec.cluster_by:
                writer = writer.clusterBy(*spec.cluster_by)
            if spec.change_feed:
                writer = writer.option("delta.enableChangeDataFeed", "true")
        elif where is not None:
            writer = writer.option("replaceWhere", where)
        elif mode == "overwrite":
            writer = writer.option("overwriteSchema", "true")
        # not the ledgers: for the ids Delta reads the whole log again, at each append
        if mode == "append" and spec.owner != "runner":
            # a retried commit of the same append is dropped by Delta, the next append is not
            self._appends += 1
            writer = writer.option("txnAppId", f"{self.run_id}:{spec.name}")
            writer = writer.option("txnVersion", self._appends)
        return writer

    def _written(self, spec: TableSpec, before: int | None) -> None:
        version = self._current(spec)
        if version is None:  # Delta has just written it
            raise RuntimeError(f"{spec.name}: no version after a write")
        if spec.owner != "runner":
            self.versions_written[spec.name] = version
            # a merge that changes nothing makes no commit
            rows = self.files.commit(self.path(spec), version).rows if version != before else 0
            self.rows_written[spec.name] = self.rows_written.get(spec.name, 0) + rows
        self.fault(f"after:{spec.name}")

    def _current(self, spec: TableSpec) -> int | None:
        return self.files.last_version(self.path(spec))
