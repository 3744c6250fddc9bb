"""Tables for the report: by name, at the published version, or known to be missing."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from threading import Lock

from pyspark.sql import DataFrame, functions as F

from databank.tables import Store

DAYS_SHOWN = 90  # of figures by day
_STRAY = 0.01  # share of events that clocks which went wrong may have put before all others


@dataclass(frozen=True)
class Period:
    """The days on which the bank has events, up to the run day.

    Attributes:
        first: Where the data start; None without any event.
        last: Last day with events; the run day without any event.
        before: Events on days before `first`, which are not drawn by day.
    """

    first: date | None
    last: date
    before: int = 0

    @property
    def days(self) -> int:
        """Count the days from the first to the last."""
        return 0 if self.first is None else (self.last - self.first).days + 1

    @property
    def shown_from(self) -> date:
        """Find the first of the latest DAYS_SHOWN days that lie in the data."""
        begin = self.last - timedelta(days=DAYS_SHOWN - 1)
        return begin if self.first is None else max(begin, self.first)


def period_of(days: list[tuple[date, int]], day: date) -> Period:
    """Find where the data start and end.

    A clock that was set back puts single events years before all others: where more days lie before
    the last 99 % of the events than in them, the data start with these.

    Args:
        days: Each day with events up to the run day, ascending, and how many.
        day: Run day.
    """
    if not days:
        return Period(None, day)
    counts = [n for _, n in days]
    before = [0, *accumulate(counts)]
    start = max(i for i, n in enumerate(before[:-1]) if n <= _STRAY * before[-1])
    last = days[-1][0]
    candidate = days[start][0]
    if (candidate - days[0][0]).days <= (last - candidate).days + 1:
        return Period(days[0][0], last)
    return Period(candidate, last, before[start])


class Reader:
    """Read what is published and remember what is not."""

    def __init__(self, store: Store, day: date, timezone: str) -> None:
        self._store, self.day, self.timezone = store, day, timezone
        self.missing: set[str] = set()
        self._period: Period | None = None
        self._lock = Lock()  # sections are collected by threads

    @property
    def period(self) -> Period:
        """Find the days with events, from core.events; a row a day, counted once."""
        with self._lock:
            if self._period is None:
                self._period = self._find_period()
            return self._period

    def _find_period(self) -> Period:
        events = self.table("core.events")
        if events is None:
            return Period(None, self.day)
        past = events.where(F.col("day") <= F.lit(self.day)).groupBy("day").count()
        rows = past.orderBy("day").collect()
        return period_of([(row["day"], row["count"]) for row in rows], self.day)

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
        return _on_newest_day(rows.where(F.col(column) <= F.lit(self.day)), column)

    def week_before(self, name: str, day: date) -> tuple[DataFrame | None, date | None]:
        """Read the rows of the newest day that is a week or more before a day, but not months."""
        rows = self.table(name)
        if rows is None:
            return None, None
        last, first = day - timedelta(days=7), day - timedelta(days=31)
        return _on_newest_day(rows.where(F.col("day").between(F.lit(first), F.lit(last))), "day")

    def newest_of_each(self, rows: DataFrame, name: str) -> DataFrame:
        """Keep the rows of the newest day of each value of a column, up to the run day."""
        past = rows.where(F.col("day") <= F.lit(self.day))
        newest = past.groupBy(name).agg(F.max("day").alias("day"))
        return past.join(F.broadcast(newest), [name, "day"])

    def latest_days(self, rows: DataFrame) -> DataFrame:
        """Keep the rows of the last DAYS_SHOWN days up to the last one with events."""
        period = self.period
        return rows.where(F.col("day").between(F.lit(period.shown_from), F.lit(period.last)))

    def ledger(self, name: str) -> DataFrame | None:
        """Read the newest state of a table that the runner writes: these are never published."""
        return self._store.ledger(name)


def _on_newest_day(rows: DataFrame, column: str) -> tuple[DataFrame | None, date | None]:
    last = rows.agg(F.max(column)).first()
    if last is None or last[0] is None:
        return None, None
    return rows.where(F.col(column) == F.lit(last[0])), last[0]
