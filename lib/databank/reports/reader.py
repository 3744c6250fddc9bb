"""Tables for the report: by name, at the published version, or known to be missing."""

from datetime import date

from pyspark.sql import DataFrame, functions as F

from databank.tables import Store


class Reader:
    """Reads what is published and remembers what is not."""

    def __init__(self, store: Store, day: date, timezone: str) -> None:
        self._store, self.day, self.timezone = store, day, timezone
        self.missing: set[str] = set()

    def table(self, name: str) -> DataFrame | None:
        """A table at its published version; None, and noted as missing, if there is none."""
        if self._store.is_published(name):
            return self._store.require(name)
        self.missing.add(name)
        # known to the runner: once it is published, the report is no longer up to date
        self._store.versions_read[name] = -1
        return None

    def newest(self, name: str, *, column: str = "day") -> tuple[DataFrame | None, date | None]:
        """The rows of the newest day up to the run day, and that day; None without any."""
        rows = self.table(name)
        if rows is None:
            return None, None
        found = rows.where(F.col(column) <= F.lit(self.day)).agg(F.max(column)).first()
        day = found[0] if found else None
        if day is None:
            return None, None
        return rows.where(F.col(column) == F.lit(day)), day

    def ledger(self, name: str) -> DataFrame | None:
        """A table that the runner writes; these are never published, their newest state counts."""
        return self._store.ledger(name)
