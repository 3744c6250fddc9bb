"""What came to a table, and what was altered in it, between two versions."""

from typing import Protocol

from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.session import small_frame
from databank.tables.commits import Commit
from databank.tables.spec import TableSpec


class CommitLog(Protocol):
    """The commits of one table, and the rows that each of them changed."""

    def commit(self, version: int) -> Commit:
        """Tell what the log says of one commit."""
        ...

    def has(self, version: int) -> bool:
        """Tell whether the log still knows a commit."""
        ...

    def rows(self, first: int, last: int) -> DataFrame:
        """Changed rows of the commits `first` to `last`, as Delta's change data feed names them.

        Columns beside the table's: _change_type (insert, delete, update_preimage,
        update_postimage) and _commit_version.
        """
        ...


class ChangeFeed:
    """The feed of one table after the version `since`, up to and with `until`."""

    def __init__(
        self, spark: SparkSession, spec: TableSpec, log: CommitLog, *, since: int, until: int
    ) -> None:
        self._spark, self._spec, self._log = spark, spec, log
        self._since, self._until = since, until

    def added(self) -> DataFrame:
        """Give the rows that were added and neither altered nor removed since."""
        kept = self._kept()
        if not kept:
            return self._nothing()
        feed = self._rows(kept)
        added = feed.where("_change_type = 'insert'")
        if not all(commit.adds for commit in kept):
            gone = feed.where("_change_type IN ('delete', 'update_preimage')").select(
                *(F.col(key).alias(f"gone_{key}") for key in self._spec.key),
                F.col("_commit_version").alias("gone_version"),
            )
            same = F.col("gone_version") > F.col("_commit_version")
            for key in self._spec.key:
                same = same & (F.col(key) == F.col(f"gone_{key}"))
            added = added.join(gone, same, "left_anti")
        return self._named(added)

    def altered(self) -> DataFrame:
        """Give the rows that were changed or removed, as before and as after it."""
        kept = self._kept()
        if all(commit.adds for commit in kept):
            return self._nothing()
        return self._named(self._rows(kept).where("_change_type <> 'insert'"))

    def covers(self) -> bool:
        """Tell whether the log still goes back to `since`."""
        return self._until <= self._since or self._log.has(self._since + 1)

    def was_rolled_back(self) -> bool:
        """Tell whether a rollback took the table back beyond `since`."""
        return self._until < self._since or any(
            commit.restored is not None and commit.restored < self._since
            for commit in self._commits()
        )

    def _kept(self) -> list[Commit]:
        """Commits that a RESTORE has not taken back; it and they come to nothing together.

        One that goes back beyond `since` altered what was there then, and stays.
        """
        if self._until < self._since:
            raise RuntimeError(
                f"{self._spec.name}: went back beyond version {self._since}; "
                "whoever reads its changes asks was_rolled_back first"
            )
        kept: list[Commit] = []
        for commit in self._commits():
            if commit.restored is None:
                kept.append(commit)
            else:
                kept = [earlier for earlier in kept if earlier.version <= commit.restored]
                kept += [commit] if commit.restored < self._since else []
        return kept

    def _commits(self) -> list[Commit]:
        versions = range(self._since + 1, self._until + 1)
        return [self._log.commit(version) for version in versions]

    def _rows(self, kept: list[Commit]) -> DataFrame:
        feed = self._log.rows(kept[0].version, kept[-1].version)
        if len(kept) == kept[-1].version - kept[0].version + 1:
            return feed
        return feed.where(F.col("_commit_version").isin([commit.version for commit in kept]))

    def _named(self, rows: DataFrame) -> DataFrame:
        return rows.select(*(column.name for column in self._spec.columns))

    def _nothing(self) -> DataFrame:
        return small_frame(self._spark, [], self._spec.schema())
