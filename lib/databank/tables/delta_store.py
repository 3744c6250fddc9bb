"""The only door to Delta: a store whose tables are Delta tables below one root."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from delta.exceptions import ConcurrentTransactionException
from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

from databank.errors import DamagedTableError, DataBankError, ForeignCommitError
from databank.tables.commits import PREFIX, Commit, altering_commit, altering_since
from databank.tables.direct import read_small_version
from databank.tables.feed import ChangeFeed
from databank.tables.files import BEGUN, Files, LocalFiles, local_path
from databank.tables.ledgers import TakenError, append_to_ledger
from databank.tables.ops import PUBLISH, RUN, Publication
from databank.tables.outside import first_line, has_plain_path, read_small
from databank.tables.spec import TableSpec, name_of
from databank.tables.statistics import Statistics, properties
from databank.tables.store import Store
from databank.tables.unpublished import KnownRuns, refuse_lost_publications

if TYPE_CHECKING:
    import pyarrow as pa

_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


class DeltaStore(Store):
    """Reads and writes the Delta tables of one warehouse for one run."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        super().__init__(spark, root)
        folder = local_path(self.root)
        at_hand = isinstance(self.files, LocalFiles) and has_plain_path(folder)
        self._folder = folder if at_hand else None
        self._begun: dict[str, int] = {}
        self._publish_version = -1
        self._sound: dict[str, int] = {}  # ledger -> version up to which nobody else altered it
        self.refresh()

    def path(self, table: TableSpec | str) -> str:
        """Give the path of a table."""
        return f"{self.root}/{name_of(table).replace('.', '/')}"

    def refresh(self) -> None:
        """Read again which versions are published, if anything was since the last look.

        Raises:
            DataBankError: If ops.publish is gone, or somebody else altered it.
        """
        version = self.newest_version(PUBLISH)
        if version is None:
            self._refuse_lost_ledger()
        if version is None or version == self._publish_version:
            return
        self.refuse_altered(PUBLISH)
        rows = self._publications()
        self.published = {row.table: row.version for row in rows}
        self._seq = rows[-1].seq if rows else 0
        self._publish_version = version

    def start_run(self, run_id: str, owned: Iterable[TableSpec]) -> None:
        """Start a run as any store does; commits from now on carry its id."""
        self.spark.conf.set(_USER_METADATA, f"{PREFIX}{run_id}")
        tables = tuple(owned)
        super().start_run(run_id, tables)
        self._begun = {}
        for spec in tables:
            newest = self.newest_version(spec)
            self._begun[spec.name] = -1 if newest is None else newest
            if newest is not None:
                self._clean_log(spec)

    def materialise(self, name: str, rows: DataFrame) -> DataFrame:
        """Write rows as files of this run: safe from lost executors, their size known."""
        rows.write.parquet(self.scratch(name))
        return self.spark.read.schema(rows.schema).parquet(self.scratch(name))

    def read_version(self, table: TableSpec | str, version: int) -> DataFrame:
        """Read a table at some version, which counts neither as read nor as published.

        Raises:
            DamagedTableError: If there is no table, or its log does not reach back to the version.
        """
        path = self.path(table)
        if self._folder is not None:
            small = read_small_version(self.spark, local_path(path), version)
            if small is not None:
                return small
        reader = self.spark.read.format("delta").option("versionAsOf", version)
        try:
            return reader.load(path)
        except AnalysisException as error:
            reason = f"version {version} cannot be read ({first_line(error)})"
            raise DamagedTableError(name_of(table), path, reason) from None

    def is_readable(self, table: str, version: int) -> bool:
        """Tell whether Delta's log and the files of a version are there still."""
        try:
            files = self.read_version(table, version).inputFiles()
        except DamagedTableError:
            return False
        present = set(self.files.names(self.path(table)))
        return {unquote(file.rpartition("/")[2]) for file in files} <= present

    def ledger(self, table: TableSpec | str) -> DataFrame | None:
        """Read the newest state of a table that the runner writes; None if there is none."""
        newest = self.files.last_version(self.path(table))
        return None if newest is None else self.read_version(table, newest)

    def refuse_altered(self, ledger: TableSpec) -> None:
        """Refuse a ledger whose log has commits of somebody else that altered it."""
        path, seen = self.path(ledger), self._sound.get(ledger.name, -1)
        new = self.files.commits(path, seen)
        if any(commit.run is None for commit in new):
            culprit = altering_commit(new if seen < 0 else self.files.commits(path))
            if culprit is not None:
                before = culprit.version - 1
                raise ForeignCommitError(ledger.name, culprit.version, culprit.operation, before)
        if new:
            self._sound[ledger.name] = new[-1].version

    def publications(self, job: str) -> list[Publication]:
        """List all that a job has published, in the order of publishing."""
        return [row for row in self._publications() if row.job == job]

    def ledger_rows(self, table: TableSpec) -> "pa.Table | None":
        """Give all rows of a ledger; of a local disk without Spark."""
        if self._folder is None:
            return super().ledger_rows(table)
        if self.newest_version(table) is None:
            return None
        return read_small(self._folder, table.name)

    def append_rows(self, spec: TableSpec, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows to a ledger; on a local disk without Spark."""
        rows = list(rows)
        if not self._append_outside(spec, rows):
            return super().append_rows(spec, rows)
        self.fault(f"after:{spec.name}")

    def _append_outside(
        self, spec: TableSpec, rows: Iterable[Sequence[Any]], once: tuple[str, int] | None = None
    ) -> bool:
        """Add rows to a ledger without Spark; False where that cannot be, and Spark is to try."""
        if self._folder is None or self.newest_version(spec) is None:
            return False
        self._begin_write(spec)
        path = local_path(self.path(spec))
        return append_to_ledger(path, spec, rows, run_id=self.run_id, once=once)

    # ---- what only Delta does so

    def newest_version(self, spec: TableSpec) -> int | None:
        return self.files.last_version(self.path(spec))

    def _commit(self, spec: TableSpec, version: int) -> Commit:
        return self.files.commit(self.path(spec), version)

    def _restore(self, spec: TableSpec) -> None:
        """Bring a table back to its published version, unless it is there already.

        Raises:
            ForeignCommitError: If somebody else committed to the table since.
            DataBankError: If a published version is gone, or what is to be taken back may have
                been published.
        """
        path, wanted = self.path(spec), self.published.get(spec.name)
        last = self.newest_version(spec)
        if wanted is not None and (last is None or last < wanted):
            lies = "nothing lies" if last is None else f"the newest version is {last}"
            raise DataBankError(
                f"{spec.name}: published at version {wanted}, but {lies} at {path}; "
                "bring the files back from a backup, or start with an empty root"
            )
        if last is None:
            return
        since = -1 if wanted is None else wanted
        # of an empty file in the log, as a power failure leaves it, Spark makes no commit
        known = self.files.commits(path, since - 1)
        commits = altering_since([commit for commit in known if commit.version > since], since)
        for commit in commits:
            if commit.run is None:
                raise ForeignCommitError(spec.name, commit.version, commit.operation, since)
        if commits:
            runs = self._known_runs()
            refuse_lost_publications(spec.name, wanted, commits, runs, root=self.root)
        if wanted is None:
            self.files.delete(path)
        elif commits:
            DeltaTable.forPath(self.spark, path).restoreToVersion(wanted)
            self._statistics(spec).note_restored()

    def _known_runs(self) -> KnownRuns:
        """Read what the ledgers say of all runs; asked only where a run was left unpublished."""
        return KnownRuns(
            published={(row.run_id, row.table) for row in self._publications()},
            recorded={row["run_id"]: frozenset(dict(row["written"])) for row in self._records()},
            begun=frozenset(self.files.names(BEGUN)),
        )

    def _publications(self) -> list[Publication]:
        """List all publications, in their order."""
        rows = self.ledger_rows(PUBLISH)
        listed = [] if rows is None else rows.select(Publication._fields).to_pylist()
        return sorted((Publication(**row) for row in listed), key=lambda row: row.seq)

    def _records(self) -> list[dict[str, Any]]:
        """List the runs with the tables that each has written: run_id, written."""
        rows = self.ledger_rows(RUN)
        return [] if rows is None else rows.select(["run_id", "written"]).to_pylist()

    def _refuse_lost_ledger(self) -> None:
        if any(row["written"] for row in self._records()):
            raise DataBankError(
                f"{PUBLISH.name}: nothing lies at {self.path(PUBLISH)}, although ops.run tells of "
                "runs that published; nothing was touched: restore it from a backup"
            )

    def _record(self, publications: Iterable[Publication]) -> None:
        """Append rows to ops.publish.

        Raises:
            DataBankError: If another run has committed to a table that this run wrote.
        """
        publications = list(publications)
        for each in publications:
            if each.table in self.rows_written:
                self._refuse_others_commits(each.table, each.version)
        job, attempt = publications[0].job, self._publish_version + 1
        # a run that was paused here while another one took over: Delta takes a number of a job
        # once, and leaves out, or refuses, who comes late
        once = (f"publish:{job}", attempt)
        try:
            if not self._append_outside(PUBLISH, publications, once):
                self._begin_write(PUBLISH)
                writer = self._writer(PUBLISH, self.small(PUBLISH, publications), "append", None)
                self._save(
                    PUBLISH, writer.option("txnAppId", once[0]).option("txnVersion", once[1])
                )
        except (ConcurrentTransactionException, TakenError):
            raise _published_beside(job) from None
        self.fault(f"after:{PUBLISH.name}")
        commits = self.files.commits(self.path(PUBLISH), self._publish_version)
        if self.run_id not in [commit.run for commit in commits]:
            raise _published_beside(job)
        if len(commits) == 1:  # no other job has published
            self._publish_version += 1

    def _refuse_others_commits(self, table: str, written: int) -> None:
        path = self.path(table)
        newest = self.files.last_version(path)
        since = self._begun.get(table, written - 1) + 1
        commits = [self.files.commit(path, v) for v in range(since, (newest or written) + 1)]
        altering = [commit for commit in commits if commit.alters]
        if any(c.run != self.run_id or c.version > written for c in altering):
            raise DataBankError(
                f"{table}: another run wrote to it while this one was running, so that nothing was "
                "published; run the job again"
            )

    def _open_feed(self, spec: TableSpec, since: int, until: int) -> ChangeFeed:
        log = _DeltaLog(self.spark, self.files, self.path(spec))
        return ChangeFeed(self.spark, spec, log, since=since, until=until)

    def _begin_write(self, spec: TableSpec) -> None:
        super()._begin_write(spec)
        statistics = self._statistics(spec)
        if self.newest_version(spec) is None or statistics.are_limited():
            return
        self._clean_log(spec)
        pairs = ", ".join(f"'{key}' = '{value}'" for key, value in properties(spec).items())
        self.spark.sql(f"ALTER TABLE delta.`{self.path(spec)}` SET TBLPROPERTIES ({pairs})")
        statistics.note_limited()

    def _clean_log(self, spec: TableSpec) -> None:
        """Take personal data out of the log of a table that an older databank made."""
        if self._statistics(spec).clean_log(self.spark, self.scratch("log")):
            jvm, path = self.spark._jvm, self.path(spec)
            deltas: Any = jvm.org.apache.spark.sql.delta.DeltaLog  # type: ignore[union-attr]
            to_path: Any = jvm.org.apache.hadoop.fs.Path  # type: ignore[union-attr]
            deltas.invalidateCache(self.spark._jsparkSession, to_path(path))

    def _statistics(self, spec: TableSpec) -> Statistics:
        return Statistics(self.files, self.path(spec), spec)

    def _commit_write(self, spec: TableSpec, rows: DataFrame, mode: str, where: str | None) -> None:
        self._save(spec, self._writer(spec, rows, mode, where))

    def _save(self, spec: TableSpec, writer: DataFrameWriter) -> None:
        new = self.newest_version(spec) is None
        writer.save(self.path(spec))
        if new:
            self._statistics(spec).note_limited()

    def _commit_upsert(self, spec: TableSpec, rows: DataFrame) -> None:
        on = " AND ".join(f"target.`{key}` <=> source.`{key}`" for key in spec.key)
        merge = self._target(spec).merge(rows.alias("source"), on)
        merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()

    def _commit_delete(self, spec: TableSpec, rows: DataFrame, on: str) -> None:
        self._target(spec).merge(rows.alias("source"), on).whenMatchedDelete().execute()

    def _target(self, spec: TableSpec) -> DeltaTable:
        return DeltaTable.forPath(self.spark, self.path(spec)).alias("target")

    def _writer(
        self, spec: TableSpec, rows: DataFrame, mode: str, where: str | None
    ) -> DataFrameWriter:
        writer = rows.write.format("delta").mode(mode)
        if self.newest_version(spec) is None:
            if spec.cluster_by:
                writer = writer.clusterBy(*spec.cluster_by)
            if spec.change_feed:
                writer = writer.option("delta.enableChangeDataFeed", "true")
            writer = writer.options(**properties(spec))
        elif where is not None:
            writer = writer.option("replaceWhere", where)
        elif mode == "overwrite":
            writer = writer.option("overwriteSchema", "true")
        return writer


def _published_beside(job: str) -> DataBankError:
    return DataBankError(
        f"{job}: another run of it published while this one was running, so that nothing of this "
        "one was published; run the job again"
    )


class _DeltaLog:
    """Delta's log and change data feed of one table."""

    def __init__(self, spark: SparkSession, files: Files, path: str) -> None:
        self._spark, self._files, self._path = spark, files, path

    def commit(self, version: int) -> Commit:
        return self._files.commit(self._path, version)

    def has(self, version: int) -> bool:
        # Delta clears its log after a month
        return self._files.exists(f"{self._path}/_delta_log/{version:020d}.json")

    def rows(self, first: int, last: int) -> DataFrame:
        reader = self._spark.read.format("delta").option("readChangeFeed", "true")
        reader = reader.option("startingVersion", first).option("endingVersion", last)
        return reader.load(self._path)
