"""Tables for the report: by name, at the published version, or known to be missing."""

from datetime import date

from pyspark.sql import DataFrame, functions as F

from databank.tables import Store

DAYS_SHOWN = 90  # of figures by day


class Reader:
    """Read what is published and remember what is not."""

    def __init__(self, store: Store, day: date, timezone: str) -> None:
        self._store, self.day, self.timezone = store, day, timezone
        self.missing: set[str] = set()

    def table(self, name: str) -> DataFrame | None:
        """Read a table at its published version; None, and noted as missing, if there is none."""
        if self._store.is_published(name):
            return self._store.require(name)
        self.missing.add(name)
        # known to the runner: once it is published, the report is no longer up to date
        self._store.versions_read[name] = -1
        return None

    def newest(self, name: str, *, column: str = "day") -> tuple[DataFrame | None, date | None]:
        """Read the rows of the newest day up to the run day, and that day; None without any."""
        rows = self.table(name)
        if rows is None:
            return None, None
        past = rows.where(F.col(column) <= F.lit(self.day)).agg(F.max(column)).first()
        day = past[0] if past else None
        if day is None:
            return None, None
        return rows.where(F.col(column) == F.lit(day)), day

    def newest_of_each(self, rows: DataFrame, name: str) -> DataFrame:
        """Keep the rows of the newest day of each value of a column, up to the run day."""
        past = rows.where(F.col("day") <= F.lit(self.day))
        newest = past.groupBy(name).agg(F.max("day").alias("day"))
        return past.join(F.broadcast(newest), [name, "day"])

    def latest_days(self, rows: DataFrame) -> DataFrame:
        """Keep the rows of the last DAYS_SHOWN days up to the run day."""
        last = F.lit(self.day)
        return rows.where((F.col("day") > F.date_sub(last, DAYS_SHOWN)) & (F.col("day") <= last))

    def ledger(self, name: str) -> DataFrame | None:
        """Read the newest state of a table that the runner writes: these are never published."""
        return self._store.ledger(name)
