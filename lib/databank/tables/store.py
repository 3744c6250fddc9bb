"""The door to the tables of a bank: all that a step may ask, whatever holds the tables.

A table is committed alone. A job therefore writes its tables, and then publishes them together by
rows in ops.publish; readers take the versions found there. What a crashed run left behind the
published version is taken back before the next run of the job writes.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from databank.session import keep_checkpoints, small_frame
from databank.tables.checks import computed_once, conform, refuse_outside, refuse_unsafe_keys
from databank.tables.commits import Commit
from databank.tables.faults import die_at
from databank.tables.files import BEGUN, SCRATCH
from databank.tables.hadoop_files import files_of
from databank.tables.ops import RUNNER, Publication
from databank.tables.reading import TableReader
from databank.tables.spec import TableSpec


class Store(TableReader):
    """Reads and writes the tables of one warehouse for one run; tests keep them in memory.

    Attributes:
        files: Files of the warehouse beside its tables.
        versions_published: Table -> version that this run has published.
        rows_written: Table -> rows that this run has written.
        fault: Called with `before:<table>`, `after:<table>` and `publish:<job>`; tests put a
            raising function here.
        guard: Called before each write and before publishing; raises if the run may write no more.
    """

    fault: Callable[[str], None] = staticmethod(die_at)
    guard: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, spark: SparkSession, root: str) -> None:
        super().__init__(spark)
        self.files = files_of(spark, root)
        self.root = self.files.root
        self.run_id = "none"
        self.versions_published: dict[str, int] = {}
        self.rows_written: dict[str, int] = {}
        self._seq = 0

    # ---- a run

    @abstractmethod
    def refresh(self) -> None:
        """Read again which versions are published."""

    def start_run(self, run_id: str, owned: Iterable[TableSpec]) -> None:
        """Start a run: forget what earlier runs of this process did, restore the job's tables.

        Raises:
            ForeignCommitError: If somebody else committed to one of the tables.
            DataBankError: If a published table is gone, or what was published is lost.
        """
        self.run_id = run_id
        self.versions_read, self.versions_written, self.rows_written = {}, {}, {}
        self.versions_published = {}
        keep_checkpoints(self.spark, self.scratch("checkpoints"))
        tables = tuple(owned)
        self._owned = frozenset(spec.name for spec in tables)
        for spec in tables:
            self._restore(spec)
        if tables:  # a killed run leaves this behind: what it wrote was not published
            self.files.write(f"{BEGUN}/{run_id}", "")

    def republish(self, versions: Mapping[str, int]) -> None:
        """Have earlier versions of tables published too, but for those that this run wrote."""
        self.versions_written = {**versions, **self.versions_written}

    def publish(self, job: str, day: date) -> None:
        """Make the versions that this run wrote the ones that readers see, in one commit."""
        if not self.versions_written:
            return
        self.fault(f"publish:{job}")
        self.guard()
        self.refresh()
        self._seq += 1
        self._record(
            Publication(job, day, self.run_id, table, version, self._seq)
            for table, version in sorted(self.versions_written.items())
        )
        self.published |= self.versions_written
        self.versions_published |= self.versions_written

    def scratch(self, name: str) -> str:
        """Give a path for files that live as long as the run."""
        return f"{self.root}/{SCRATCH}/{self.run_id}/{name}"

    @abstractmethod
    def refuse_altered(self, ledger: TableSpec) -> None:
        """Raise ForeignCommitError if somebody else has altered a ledger."""

    @abstractmethod
    def materialise(self, name: str, rows: DataFrame) -> DataFrame:
        """Compute rows once and keep them for the run; their size is known afterwards."""

    # ---- writing

    def small(self, spec: TableSpec, rows: Iterable[Sequence[Any]]) -> DataFrame:
        """Make a frame of rows on the driver; it becomes one file."""
        return small_frame(self.spark, rows, spec.schema()).coalesce(1)

    def append(self, spec: TableSpec, rows: DataFrame, *, checked: bool = False) -> None:
        """Add rows.

        An append has no transaction id: for one Delta reads the whole log first, and a run that
        dies is taken back as a whole before the next one.

        Args:
            rows: Columns of the table.
            checked: True where the caller has just made the key unique.

        Raises:
            UnsafeKeysError: If a key among the new rows is null or repeated.
        """
        self._write(spec, rows, mode="append", checked=checked)

    def append_rows(self, spec: TableSpec, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows to a ledger, in the order of its columns."""
        self.append(spec, self.small(spec, rows), checked=True)

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
        before = self.newest_version(spec)
        if before is None:
            return self._write(spec, rows, mode="append", checked=False)
        self._begin_write(spec)
        with computed_once(conform(rows, spec, self.read_version(spec, before))) as computed:
            refuse_unsafe_keys(computed, spec)
            self._commit_upsert(spec, computed)
        self._note_written(spec, before)

    def delete(self, spec: TableSpec, rows: DataFrame, on: str) -> None:
        """Remove the rows of a table that match a row of `rows`, in one commit.

        Args:
            rows: What tells which; few.
            on: SQL that holds for a pair, of `target` and `source`.
        """
        before = self.newest_version(spec)
        if before is None or rows.isEmpty():
            return
        self._begin_write(spec)
        self._commit_delete(spec, rows, on)
        self._note_written(spec, before)

    def replace_keys(self, spec: TableSpec, rows: DataFrame, keys: DataFrame) -> None:
        """Replace all rows whose columns match a row of `keys` by `rows`, in one commit.

        The whole table is written: persons lie in all files, so that a merge would write them
        all too, after two joins instead of one. No keys: nothing is written.

        Args:
            rows: What is to be there afterwards for the keys, and nothing outside of them.
            keys: Distinct values of some key columns, e.g. (person_id, day).

        Raises:
            UnsafeKeysError: If a key among the new rows is null or repeated.
            RuntimeError: If a row has none of the keys.
        """
        before = self.newest_version(spec)
        if before is None:
            return self._write(spec, rows, mode="append", checked=False)
        if keys.isEmpty():
            return self._note_written(spec, before)
        with computed_once(conform(rows, spec)) as computed:
            refuse_unsafe_keys(computed, spec)
            refuse_outside(computed, spec.name, keys)
            kept = self.read_version(spec, before).join(keys, keys.columns, "left_anti")
            self._write(spec, kept.unionByName(computed), mode="overwrite", checked=True)

    # ---- what a store of its kind does

    @abstractmethod
    def newest_version(self, spec: TableSpec) -> int | None:
        """Give the newest version of a table; None if there is no table."""

    @abstractmethod
    def _commit(self, spec: TableSpec, version: int) -> Commit:
        """Tell what the log says of a commit."""

    @abstractmethod
    def _restore(self, spec: TableSpec) -> None:
        """Bring a table back to its published version; remove one that was never published."""

    @abstractmethod
    def _record(self, publications: Iterable[Publication]) -> None:
        """Append rows to ops.publish in one commit."""

    @abstractmethod
    def _commit_write(self, spec: TableSpec, rows: DataFrame, mode: str, where: str | None) -> None:
        """Append rows to a table, or overwrite it, or overwrite what a condition names."""

    @abstractmethod
    def _commit_upsert(self, spec: TableSpec, rows: DataFrame) -> None:
        """Merge rows with safe keys into a table that is there."""

    @abstractmethod
    def _commit_delete(self, spec: TableSpec, rows: DataFrame, on: str) -> None:
        """Delete from a table that is there."""

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
        self._begin_write(spec)
        before = self.newest_version(spec)
        adds = (mode == "append" or where is not None) and spec.owner != RUNNER
        kept = self.read_version(spec, before) if before is not None and adds else None
        rows = conform(rows, spec, kept)
        if not spec.key or checked:
            self._commit_write(spec, rows, mode, where)
        else:
            with computed_once(rows) as computed:
                refuse_unsafe_keys(computed, spec)
                self._commit_write(spec, computed, mode, where)
        self._note_written(spec, before)

    def _begin_write(self, spec: TableSpec) -> None:
        self.guard()
        self.fault(f"before:{spec.name}")

    def _note_written(self, spec: TableSpec, before: int | None) -> None:
        version = self.newest_version(spec)
        if version is None:  # it has just been written
            raise RuntimeError(f"{spec.name}: no version after a write")
        if spec.owner != RUNNER:
            self.versions_written[spec.name] = version
            # a merge that changes nothing makes no commit
            rows = self._commit(spec, version).rows if version != before else 0
            self.rows_written[spec.name] = self.rows_written.get(spec.name, 0) + rows
        self.fault(f"after:{spec.name}")
