"""How tables are read: at their published version, or as the run itself has written them."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession

from databank.errors import DataBankError
from databank.session import small_frame
from databank.tables.feed import ChangeFeed
from databank.tables.ops import Publication
from databank.tables.spec import TableSpec, name_of

if TYPE_CHECKING:
    import pyarrow as pa


class TableReader(ABC):
    """Reads the tables of one warehouse for one run, and notes which versions it has read.

    Attributes:
        published: Table -> version that readers see.
        versions_read: Table -> version that this run has read; -1 = not published.
        versions_written: Table -> version that this run has written.
    """

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark
        self.published: dict[str, int] = {}
        self.versions_read: dict[str, int] = {}
        self.versions_written: dict[str, int] = {}
        self._owned: frozenset[str] = frozenset()

    def is_published(self, table: TableSpec | str) -> bool:
        """Tell whether a reader would find the table."""
        return name_of(table) in self.published

    def read(self, spec: TableSpec) -> DataFrame:
        """Read a table at its published version, or as this run has written it.

        A table that was never published is empty.
        """
        version = self._note_read(spec.name)
        if version is None:
            return small_frame(self.spark, [], spec.schema())
        return self.read_version(spec, version)

    def require(self, table: TableSpec | str) -> DataFrame:
        """Read a table that must have been published, or written by this run.

        Raises:
            DataBankError: If it has not.
        """
        name = name_of(table)
        version = self._note_read(name)
        if version is None:
            raise DataBankError(f"{name}: not published yet; run the job that writes it first")
        return self.read_version(table, version)

    @abstractmethod
    def read_version(self, table: TableSpec | str, version: int) -> DataFrame:
        """Read a table at some version, which counts neither as read nor as published.

        Raises:
            DamagedTableError: If the version is gone.
        """

    @abstractmethod
    def is_readable(self, table: str, version: int) -> bool:
        """Tell whether a version of a table can still be read."""

    @abstractmethod
    def ledger(self, table: TableSpec | str) -> DataFrame | None:
        """Read the newest state of a table that the runner writes; None if there is none."""

    def ledger_rows(self, table: TableSpec) -> "pa.Table | None":
        """Give all rows of a ledger; None if there is none."""
        rows = self.ledger(table)
        return None if rows is None else rows.toArrow()

    @abstractmethod
    def publications(self, job: str) -> list[Publication]:
        """List all that a job has published, in the order of publishing."""

    def changes(self, spec: TableSpec, since: int | None) -> DataFrame:
        """Give the rows that were added to a table after the version `since`; None or -1 = all.

        Rows that have been altered or taken back since are not among them. Raises as `feed` does.
        """
        feed = self.feed(spec, since)
        return self.read(spec) if feed is None else feed.added()

    def altered(self, spec: TableSpec, since: int | None) -> DataFrame:
        """Give the rows that were changed or removed after `since`, as before and as after it.

        None or -1 = none. Raises as `feed` does.
        """
        feed = self.feed(spec, since)
        return small_frame(self.spark, [], spec.schema()) if feed is None else feed.altered()

    def feed(self, spec: TableSpec, since: int | None) -> ChangeFeed | None:
        """Open the changes of a table after the version `since`; None where all is new, or nothing.

        Raises:
            DataBankError: If the table keeps no change feed.
        """
        if not spec.change_feed:
            raise DataBankError(f"{spec.name}: keeps no change feed; declare change_feed=True")
        self._note_read(spec.name)
        until = self.versions_read.get(spec.name, -1)
        if since is None or since < 0 or until < 0:
            return None
        return self._open_feed(spec, since, until)

    @abstractmethod
    def _open_feed(self, spec: TableSpec, since: int, until: int) -> ChangeFeed:
        """Give the feed of a table between two versions."""

    def _note_read(self, name: str) -> int | None:
        version = self.versions_written.get(name, self.published.get(name))
        if name not in self._owned:  # a job's own tables are not its input
            self.versions_read[name] = -1 if version is None else version
        return version
