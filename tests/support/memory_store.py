"""A store whose tables are Arrow tables in memory: the Delta store's contract without its commits.

A step on it costs what the step costs: no log, no files, no lease. Both stores are held to one
contract by tests/unit/tables/test_store.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession, functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import LongType, StringType, StructField, StructType

from databank.config import Settings
from databank.errors import DataBankError
from databank.runs import Context, Job, Progress, StepResult
from databank.runs.history import LastRun
from databank.session import arrow_frame
from databank.tables import Store, TableSpec
from databank.tables.commits import Commit
from databank.tables.feed import ChangeFeed
from databank.tables.ops import Publication
from databank.tables.spec import name_of

DAY = date(2026, 1, 31)
_FEED = (StructField("_change_type", StringType()), StructField("_commit_version", LongType()))


@dataclass
class Version:
    """A table after one commit, and what the commit changed: rows by the type of their change."""

    commit: Commit
    schema: StructType
    rows: pa.Table
    changed: Mapping[str, pa.Table] = field(default_factory=dict)


@dataclass
class Warehouse:
    """The tables of a memory store; several stores may share one, as readers of one root do."""

    tables: dict[str, list[Version]] = field(default_factory=dict)
    publications: list[Publication] = field(default_factory=list)

    def copy(self) -> "Warehouse":
        """Another warehouse with the same tables; a version is never altered, so both share it."""
        tables = {name: list(versions) for name, versions in self.tables.items()}
        return Warehouse(tables, list(self.publications))


class MemoryStore(Store):
    """Reads and writes tables in memory; files beside them lie under `root`."""

    def __init__(self, spark: SparkSession, root: Path | str, warehouse: Warehouse | None = None):
        super().__init__(spark, str(root))
        self.warehouse = warehouse or Warehouse()
        self._frames: dict[tuple[str, int], DataFrame] = {}
        self.refresh()

    def reader(self) -> "MemoryStore":
        """Another store on the same tables."""
        return MemoryStore(self.spark, self.root, self.warehouse)

    def copy(self, root: Path) -> "MemoryStore":
        """A store on a copy of the tables; what either writes from now on is its own."""
        return MemoryStore(self.spark, root, self.warehouse.copy())

    def publish_frames(
        self,
        frames: Mapping[TableSpec, DataFrame],
        *,
        day: date = DAY,
        added: Iterable[TableSpec] = (),
        changed: Iterable[TableSpec] = (),
    ) -> None:
        """Publish tables as their jobs would have, columns that are missing as null.

        Args:
            frames: The rows of each.
            day: The run day.
            added: Tables whose rows come to those that are there; others are replaced.
            changed: Tables whose rows replace those of the same key.
        """
        publish_frames(self, frames, day=day, added=added, changed=changed)

    def refresh(self) -> None:
        """See again which versions are published."""
        publications = self.warehouse.publications
        self.published = {row.table: row.version for row in publications}
        self._seq = max((row.seq for row in publications), default=0)

    def materialise(self, name: str, rows: DataFrame) -> DataFrame:
        """Compute rows once; they become a part of the plan."""
        return arrow_frame(self.spark, rows.toArrow(), rows.schema)

    def read_version(self, table: TableSpec | str, version: int) -> DataFrame:
        """Read a table at some version."""
        name = name_of(table)
        if (name, version) not in self._frames:
            at = self._at(name, version)
            if at is None:
                raise AnalysisException(f"{name}: there is no version {version}")
            self._frames[name, version] = arrow_frame(self.spark, at.rows, at.schema)
        return self._frames[name, version]

    def is_readable(self, table: str, version: int) -> bool:
        """Whether there is such a version."""
        return self._at(table, version) is not None

    def ledger(self, table: TableSpec | str) -> DataFrame | None:
        """Read the newest state of a table that the runner writes; None if there is none."""
        versions = self.warehouse.tables.get(name_of(table))
        return self.read_version(table, versions[-1].commit.version) if versions else None

    def refuse_altered(self, ledger: TableSpec) -> None:
        """Nobody else can write to it."""

    def publications(self, job: str) -> list[Publication]:
        """All that a job has published, in the order of publishing."""
        return [row for row in self.warehouse.publications if row.job == job]

    # ---- what a store of this kind does

    def _at(self, name: str, version: int) -> Version | None:
        versions = self.warehouse.tables.get(name, [])
        return next((at for at in versions if at.commit.version == version), None)

    def _newest(self, spec: TableSpec) -> Version | None:
        return (self.warehouse.tables.get(spec.name) or [None])[-1]

    def newest_version(self, spec: TableSpec) -> int | None:
        newest = self._newest(spec)
        return None if newest is None else newest.commit.version

    def _commit(self, spec: TableSpec, version: int) -> Commit:
        at = self._at(spec.name, version)
        if at is None:
            raise KeyError(f"{spec.name}: there is no version {version}")
        return at.commit

    def _restore(self, spec: TableSpec) -> None:
        wanted, newest = self.published.get(spec.name), self._newest(spec)
        if newest is None:
            if wanted is not None:
                raise DataBankError(f"{spec.name}: published at version {wanted}, but is gone")
        elif wanted is None:
            del self.warehouse.tables[spec.name]
            self._frames = {k: frame for k, frame in self._frames.items() if k[0] != spec.name}
        elif wanted not in (newest.commit.version, newest.commit.restored):
            at = self._at(spec.name, wanted)
            if at is None:
                raise DataBankError(f"{spec.name}: version {wanted} is gone")
            changed = {"delete": newest.rows, "insert": at.rows}
            self._add(spec, at.rows, changed, operation="RESTORE", restored=wanted)

    def _record(self, publications: Iterable[Publication]) -> None:
        self.warehouse.publications += publications

    def _open_feed(self, spec: TableSpec, since: int, until: int) -> ChangeFeed:
        return ChangeFeed(self.spark, spec, _MemoryLog(self, spec), since=since, until=until)

    def _commit_write(self, spec: TableSpec, rows: DataFrame, mode: str, where: str | None) -> None:
        fresh, newest = self._arrow(spec, rows), self._newest(spec)
        if newest is None:
            return self._add(spec, fresh, {"insert": fresh}, written=fresh.num_rows, adds=True)
        if mode == "append":
            # columns may have come to the spec since
            whole = pa.concat_tables([newest.rows, fresh], promote_options="default")
            return self._add(spec, whole, {"insert": fresh}, written=fresh.num_rows, adds=True)
        old, kept = newest.rows, fresh.slice(0, 0)
        if where is not None:
            if not rows.where(f"NOT coalesce({where}, false)").isEmpty():
                raise AnalysisException(f"{spec.name}: rows to write are not all where {where}")
            frame = self.read_version(spec, newest.commit.version)
            kept = self._arrow(spec, frame.where(f"NOT coalesce({where}, false)"))
            old = self._arrow(spec, frame.where(where))
        self._add(
            spec,
            pa.concat_tables([kept, fresh]),
            {"delete": old, "insert": fresh},
            written=fresh.num_rows,
        )

    def _commit_upsert(self, spec: TableSpec, rows: DataFrame) -> None:
        old, keys = self.read_version(spec, self.newest_version(spec) or 0), rows.select(*spec.key)
        on = " AND ".join(f"target.`{key}` <=> source.`{key}`" for key in spec.key)
        target, source = old.alias("target"), keys.alias("source")
        kept = self._arrow(spec, target.join(source, F.expr(on), "left_anti"))
        before = self._arrow(spec, target.join(source, F.expr(on), "left_semi"))
        source, target = rows.alias("source"), old.select(*spec.key).alias("target")
        after = self._arrow(spec, source.join(target, F.expr(on), "left_semi"))
        fresh = self._arrow(spec, source.join(target, F.expr(on), "left_anti"))
        self._add(
            spec,
            pa.concat_tables([kept, after, fresh]),
            {"update_preimage": before, "update_postimage": after, "insert": fresh},
            written=fresh.num_rows,
        )

    def _commit_delete(self, spec: TableSpec, rows: DataFrame, on: str) -> None:
        target = self.read_version(spec, self.newest_version(spec) or 0).alias("target")
        gone = self._arrow(spec, target.join(rows.alias("source"), F.expr(on), "left_semi"))
        if not gone.num_rows:
            return
        kept = self._arrow(spec, target.join(rows.alias("source"), F.expr(on), "left_anti"))
        self._add(spec, kept, {"delete": gone})

    def _add(
        self,
        spec: TableSpec,
        rows: pa.Table,
        changed: Mapping[str, pa.Table],
        *,
        written: int = 0,
        operation: str = "WRITE",
        restored: int | None = None,
        adds: bool = False,
    ) -> None:
        before = self.newest_version(spec)
        commit = Commit(
            version=0 if before is None else before + 1,
            operation=operation,
            run_id=self.run_id,
            rows=written,
            adds=adds,
            restored=restored,
        )
        versions = self.warehouse.tables.setdefault(spec.name, [])
        versions.append(Version(commit, spec.schema(), rows, changed if spec.change_feed else {}))

    def _arrow(self, spec: TableSpec, rows: DataFrame) -> pa.Table:
        return rows.toArrow().cast(to_arrow_schema(spec.schema(), timezone="UTC"))


class _MemoryLog:
    """The commits of one table of a memory store."""

    def __init__(self, store: MemoryStore, spec: TableSpec) -> None:
        self._store, self._spec = store, spec

    def commit(self, version: int) -> Commit:
        return self._store._commit(self._spec, version)

    def has(self, version: int) -> bool:
        return self._store.is_readable(self._spec.name, version)

    def rows(self, first: int, last: int) -> DataFrame:
        schema = StructType([*self._spec.schema().fields, *_FEED])
        arrow = to_arrow_schema(schema, timezone="UTC")
        parts = [arrow.empty_table()]
        for at in self._store.warehouse.tables[self._spec.name]:
            if first <= at.commit.version <= last:
                for kind, rows in at.changed.items():
                    marks = [
                        pa.array([kind] * len(rows)),
                        pa.array([at.commit.version] * len(rows)),
                    ]
                    parts.append(
                        pa.Table.from_arrays([*rows.columns, *marks], names=arrow.names).cast(arrow)
                    )
        return arrow_frame(self._store.spark, pa.concat_tables(parts), schema)


def publish_frames(
    store: Store,
    frames: Mapping[TableSpec, DataFrame],
    *,
    day: date = DAY,
    added: Iterable[TableSpec] = (),
    changed: Iterable[TableSpec] = (),
) -> None:
    """Publish tables on a store of any kind; see `MemoryStore.publish_frames`."""
    added, changed = set(added), set(changed)
    store.start_run(f"given-{uuid4().hex}", frames)  # a run id appends once
    for spec, rows in frames.items():
        given = set(rows.columns)
        absent = {c.name: F.lit(None).cast(c.type) for c in spec.columns if c.name not in given}
        write = store.append if spec in added else store.replace
        write = store.upsert if spec in changed else write
        write(spec, rows.withColumns(absent) if absent else rows)
    store.publish("given", day)


def context_on(
    store: Store,
    *,
    day: date = DAY,
    tables: Iterable[TableSpec] = (),
    settings: Settings | None = None,
    nodes: tuple[str, ...] = (),
    last: LastRun | None = None,
    config_hash: str = "c",
    **more: Any,
) -> Context:
    """A run on a day that owns some tables, as the runner would start it.

    `build_x(context_on(memory, tables=JOB.tables), config)` runs a step; afterwards `memory.read`
    gives what it wrote, and `memory.publish(name, day)` shows it to the next run.
    """
    run_id = f"test-{uuid4().hex[:8]}"
    store.refresh()
    store.start_run(run_id, tables)
    return Context(
        spark=store.spark,
        store=store,
        settings=settings or Settings(),
        day=day,
        run_id=run_id,
        nodes=nodes,
        last=last,
        config_hash=config_hash,
        progress=Progress(quiet=True),
        **more,
    )


def run_step(store: Store, job: Job, config: Any, **given: Any) -> tuple[Context, StepResult]:
    """Run a job's step and publish what it wrote; `given` goes to `context_on`."""
    context = context_on(store, tables=job.tables, **given)
    result = job.step(context, config)
    store.publish(job.name, context.day)
    return context, result
