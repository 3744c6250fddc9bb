"""ops.run and ops.metric: what every run leaves behind, and what the next one learns from it."""

from collections.abc import Sequence
from typing import Protocol

from pyspark.sql import functions as F

from databank.runs.history import DONE, ROLLED_BACK, History, RunRecord, history_of
from databank.tables import Store
from databank.tables.ops import METRIC, RUN

Metric = tuple[str, dict[str, str], float]  # name, labels, value


class Ledger(Protocol):
    """What remembers runs: ops.run and ops.metric, or a list in tests."""

    def version(self) -> int:
        """Tell which state it is in; it grows by one with each record."""
        ...

    def history(self) -> History:
        """Read what was done last, by part and by job."""
        ...

    def record_of(self, run_id: str) -> RunRecord | None:
        """Read the record of one run; None if the run ended before it wrote one."""
        ...

    def append(self, record: RunRecord, metrics: Sequence[Metric]) -> None:
        """Write the record of a run, and what it measured."""
        ...


class StoreLedger:
    """The ledger that a store keeps in ops.run and ops.metric."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def version(self) -> int:
        """Give the version of ops.run."""
        newest = self._store.newest_version(RUN)
        return -1 if newest is None else newest

    def history(self) -> History:
        """Read ops.run; a row a run of a part, so small enough for the driver.

        Raises:
            ForeignCommitError: If somebody else has altered it.
        """
        runs = self._store.ledger(RUN)
        if runs is None:
            return History()
        self._store.refuse_altered(RUN)
        return history_of(runs.where(F.col("outcome").isin(DONE, ROLLED_BACK)).toArrow())

    def record_of(self, run_id: str) -> RunRecord | None:
        """Read the row of ops.run of one run; None if the run ended before it wrote one."""
        runs = self._store.ledger(RUN)
        row = None if runs is None else runs.where(F.col("run_id") == run_id).first()
        return None if row is None else RunRecord(**row.asDict() | {"nodes": tuple(row["nodes"])})

    def append(self, record: RunRecord, metrics: Sequence[Metric]) -> None:
        """Write a row of ops.run, and what a run measured that was done or refused."""
        row = [list(v) if isinstance(v, tuple) else v for v in vars(record).values()]
        self._store.append(RUN, self._store.small(RUN, [row]), checked=True)
        if metrics and record.outcome in (DONE, "refused"):
            rows = [(record.run_id, record.job, record.day, *metric) for metric in metrics]
            self._store.append(METRIC, self._store.small(METRIC, rows), checked=True)
