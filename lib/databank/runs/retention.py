"""Rows of past days removed when the retention of their table has passed."""

from collections.abc import Iterable
from datetime import date, timedelta

from databank.tables import Store, TableSpec


def expire_rows(store: Store, tables: Iterable[TableSpec], day: date) -> None:
    """Remove rows older than `retention_days` from the tables that this run has written.

    A table keeps the days `day - retention_days` (exclusive) to `day`. The removal is part of the
    run: it is published with what the step wrote, and a run that is refused removes nothing.
    Cost: one query a table, which reads the statistics of the `day` column first; one commit
    where there is anything to remove.

    Args:
        store: The store of the run.
        tables: Tables that the job owns; those without retention are left alone.
        day: Run day.
    """
    for spec in tables:
        if spec.retention_days is None or spec.name not in store.versions_written:
            continue
        expired = f"day <= DATE'{day - timedelta(days=spec.retention_days)}'"
        if not store.read(spec).where(expired).isEmpty():
            store.replace(spec, store.small(spec, []), where=expired, checked=True)
