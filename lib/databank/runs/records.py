"""ops.run and ops.metric: what every run leaves behind, and what the next one learns from it."""

from collections.abc import Sequence
from typing import Protocol

import pyarrow.compute as pc

from databank.runs.history import DONE, History, RunRecord, history_of
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
        runs = self._store.ledger_rows(RUN)
        if runs is None:
            return History()
        self._store.refuse_altered(RUN)
        return history_of(runs)

    def record_of(self, run_id: str) -> RunRecord | None:
        """Read the row of ops.run of one run; None if the run ended before it wrote one."""
        runs = self._store.ledger_rows(RUN)
        rows = [] if runs is None else runs.filter(pc.field("run_id") == run_id).to_pylist()
        if not rows:
            return None
        maps = {name: dict(rows[0][name]) for name in ("read", "written", "rows")}
        return RunRecord(**rows[0] | maps | {"nodes": tuple(rows[0]["nodes"])})

    def append(self, record: RunRecord, metrics: Sequence[Metric]) -> None:
        """Write a row of ops.run, and what a run measured that was done or refused."""
        row = [list(v) if isinstance(v, tuple) else v for v in vars(record).values()]
        self._store.append_rows(RUN, [row])
        if metrics and record.outcome in (DONE, "refused"):
            rows = [(record.run_id, record.job, record.day, *metric) for metric in metrics]
            self._store.append_rows(METRIC, rows)
