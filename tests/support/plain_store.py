"""A store and a ledger in plain Python: what runs and rollbacks do is shown without Spark."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from databank.runs.history import DONE, ROLLED_BACK, History, LastRun
from databank.runs.records import Metric, RunRecord
from databank.tables import Store, TableSpec
from databank.tables.commits import Commit
from databank.tables.files import LocalFiles
from databank.tables.ops import Publication
from databank.tables.spec import name_of

Rows = list[tuple[Any, ...]]


class PlainStore(Store):
    """A store whose tables are lists of tuples; its rows are no frames, and none is checked."""

    def __init__(self, root: Path, tables: dict[str, list[Rows]] | None = None) -> None:
        self.spark: Any = None
        self.files = LocalFiles(str(root), root)
        self.root, self.run_id = str(root), "none"
        self.tables: dict[str, list[Rows]] = {} if tables is None else tables
        self.ops: list[Publication] = []
        self.unreadable: set[tuple[str, int]] = set()
        self.published, self.versions_read, self.versions_written = {}, {}, {}
        self.versions_published, self.rows_written, self._owned, self._seq = {}, {}, frozenset(), 0

    def refresh(self) -> None:
        self.published = {row.table: row.version for row in self.ops}

    def start_run(self, run_id: str, owned: Iterable[TableSpec]) -> None:
        self.run_id, self._owned = run_id, frozenset(spec.name for spec in owned)
        self.versions_read, self.versions_written, self.rows_written = {}, {}, {}
        self.versions_published = {}
        for spec in owned:
            self._restore(spec)

    def materialise(self, name: str, rows: Any) -> Any:
        return rows

    def small(self, spec: TableSpec, rows: Iterable[Sequence[Any]]) -> Any:
        return [tuple(row) for row in rows]

    def read(self, spec: TableSpec) -> Any:
        version = self._note_read(spec.name)
        return [] if version is None else self.read_version(spec, version)

    def read_version(self, table: TableSpec | str, version: int) -> Any:
        return self.tables[name_of(table)][version]

    def is_readable(self, table: str, version: int) -> bool:
        return (table, version) not in self.unreadable

    def ledger(self, table: TableSpec | str) -> Any:
        return None

    def refuse_altered(self, ledger: TableSpec) -> None:
        """Nobody else can write to it."""

    def publications(self, job: str) -> list[Publication]:
        return [row for row in self.ops if row.job == job]

    def append(self, spec: TableSpec, rows: Any, *, checked: bool = False) -> None:
        before = self.newest_version(spec)
        self._put(spec, [*([] if before is None else self.read_version(spec, before)), *rows])

    def replace(
        self, spec: TableSpec, rows: Any, *, where: str | None = None, checked: bool = False
    ) -> None:
        self._put(spec, list(rows))

    def _put(self, spec: TableSpec, rows: Rows) -> None:
        before = self.newest_version(spec)
        self.tables.setdefault(spec.name, []).append(rows)
        self._note_written(spec, before)

    def newest_version(self, spec: TableSpec) -> int | None:
        versions = self.tables.get(spec.name)
        return len(versions) - 1 if versions else None

    def _commit(self, spec: TableSpec, version: int) -> Commit:
        rows = len(self.read_version(spec, version))
        return Commit(version, "WRITE", self.run_id, rows)

    def _restore(self, spec: TableSpec) -> None:
        wanted, last = self.published.get(spec.name), self.newest_version(spec)
        if wanted is None:
            self.tables.pop(spec.name, None)
        elif wanted != last:
            self.tables[spec.name].append(self.read_version(spec, wanted))

    def _record(self, publications: Iterable[Publication]) -> None:
        self.ops += publications

    def _open_feed(self, spec: TableSpec, since: int, until: int) -> Any:
        raise NotImplementedError

    def _commit_write(self, spec: TableSpec, rows: Any, mode: str, where: str | None) -> None:
        raise NotImplementedError

    def _commit_upsert(self, spec: TableSpec, rows: Any) -> None:
        raise NotImplementedError

    def _commit_delete(self, spec: TableSpec, rows: Any, on: str) -> None:
        raise NotImplementedError


class ListLedger:
    """A ledger that is a list of records; `append` may be broken to stand for a kill."""

    def __init__(self) -> None:
        self.records: list[RunRecord] = []
        self.metrics: list[tuple[str, Metric]] = []

    def version(self) -> int:
        return len(self.records) - 1

    def history(self) -> History:
        history = History()
        for record in self.records:
            if record.outcome == ROLLED_BACK:
                history = _without(history, record.job)
            if record.outcome in (DONE, ROLLED_BACK):
                history = history.with_run(record)
        return history

    def record_of(self, run_id: str) -> RunRecord | None:
        return next((record for record in self.records if record.run_id == run_id), None)

    def append(self, record: RunRecord, metrics: Sequence[Metric]) -> None:
        self.records.append(record)
        if record.outcome in (DONE, "refused"):
            self.metrics += [(record.run_id, metric) for metric in metrics]


def _without(history: History, job: str) -> History:
    parts: dict[tuple[str, tuple[str, ...]], LastRun] = {
        key: last for key, last in history.parts.items() if key[0] != job
    }
    return History(parts, {name: day for name, day in history.days.items() if name != job})
