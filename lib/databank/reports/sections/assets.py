"""Section on what the bank rests on: rows by source, events by day and terminal."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F

from databank.reports import charts, format as fmt
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection

_CORE = ("events", "profiles", "items")
_TILES = ("persons", "identifiers", *_CORE)


@dataclass(frozen=True)
class SourceRows:
    """One source: rows read from files, in core tables today, and in quarantine."""

    source: str
    files: int
    read: int
    loaded: int
    quarantined: int
    no_person: int


@dataclass(frozen=True)
class AssetsData:
    """Sources, rows of the core tables, and (day, terminal, events) of the latest days."""

    sources: tuple[SourceRows, ...] = ()
    core_rows: tuple[tuple[str, int], ...] = ()
    daily: tuple[tuple[date, str, int], ...] = ()


class Assets(ReportSection[AssetsData]):
    """What the bank holds, and where it came from."""

    key = "assets"
    title = "Assets and sources"
    tables = ("raw.file", "ops.quarantine", "core.events", "core.profiles", "core.items")
    needs = ("raw.file", "core.events")
    filled_by = "ingest"

    def collect(self, reader: Reader) -> AssetsData:
        """Count rows read, loaded and quarantined by source, and events by day."""
        count, nothing = F.count("*"), F.max(F.lit(0))
        without_person = F.count_if(F.col("id_key").isNull())
        figures = _by_source(
            reader,
            {
                "raw.file": (F.sum("rows"), F.count_distinct("file")),
                "ops.quarantine": (count, nothing),
                "core.events": (count, without_person),
                "core.profiles": (count, nothing),
                "core.items": (count, nothing),
            },
        )

        def of(table: str, source: str) -> tuple[int, int]:
            return figures.get((table, source), (0, 0))

        sources = tuple(
            SourceRows(
                source=name,
                files=of("raw.file", name)[1],
                read=of("raw.file", name)[0],
                loaded=sum(of(f"core.{table}", name)[0] for table in _CORE),
                quarantined=of("ops.quarantine", name)[0],
                no_person=of("core.events", name)[1],
            )
            for name in sorted({source for _, source in figures})
        )
        core_rows = tuple(
            (
                table,
                sum(rows for (name, _), (rows, _) in figures.items() if name == f"core.{table}"),
            )
            for table in _CORE
        )
        return AssetsData(sources, core_rows, _events_by_day(reader))

    def totals(self, data: AssetsData) -> dict[str, int]:
        """Count core rows, events without person, and sources that hold rows."""
        return {
            **dict(data.core_rows),
            "events without person": sum(source.no_person for source in data.sources),
            "sources": sum(source.loaded > 0 for source in data.sources),
        }

    def draw(self, data: AssetsData, notes: Notes) -> Section | None:
        """Draw rows by source, events by day and terminal, totals."""
        if not data.sources:
            return None
        read = sum(source.read for source in data.sources)
        held = sum(source.quarantined for source in data.sources)
        tiles = tuple(
            (name, fmt.count(notes.totals[name])) for name in _TILES if notes.totals.get(name)
        )
        summary = (
            f"{fmt.plural(read, 'row')} came from {fmt.plural(len(data.sources), 'source')}; "
            f"{fmt.count(held)} of them ({fmt.share(held, read)}) wait in quarantine."
        )
        return self.section(summary, (*_daily(data.daily), _sources(data.sources)), tiles)


def _by_source(
    reader: Reader, wanted: dict[str, tuple[Column, Column]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Compute two figures by table and source, of all tables in one query."""
    parts = []
    for name, (first, second) in wanted.items():
        rows = reader.table(name)
        if rows is not None:
            sums = rows.groupBy("source").agg(first.alias("a"), second.alias("b"))
            parts.append(sums.select(F.lit(name).alias("table"), "source", "a", "b"))
    if not parts:
        return {}
    rows_by_source = reduce(DataFrame.unionByName, parts).collect()
    return {(r["table"], r["source"]): (int(r["a"] or 0), int(r["b"] or 0)) for r in rows_by_source}


def _events_by_day(reader: Reader) -> tuple[tuple[date, str, int], ...]:
    events = reader.table("core.events")
    if events is None:
        return ()
    terminal = F.coalesce("terminal", F.lit("unknown")).alias("terminal")
    # 90 days and a handful of terminals: a few hundred rows
    counts = reader.latest_days(events).groupBy("day", terminal).count()
    rows = counts.orderBy("day", "terminal").collect()
    return tuple((row["day"], row["terminal"], row["count"]) for row in rows)


def _sources(sources: tuple[SourceRows, ...]) -> Panel:
    rows = tuple(
        (
            s.source,
            fmt.count(s.files),
            fmt.count(s.read),
            fmt.count(s.loaded),
            fmt.count(s.quarantined),
            fmt.share(s.quarantined, s.read),
            fmt.count(s.no_person),
        )
        for s in sources
    )
    head = ("Source", "Files", "Rows read", "Held now", "Quarantined", "Share", "Without person")
    largest = max(sources, key=lambda s: s.loaded)
    summary = (
        f"Most comes from {largest.source}: {fmt.count(largest.loaded)} of "
        f"{fmt.count(sum(s.loaded for s in sources))} rows held. A repeated row and an "
        "older state of a record are read, but held once."
    )
    return Panel("What each source brought", summary, grid=Grid(head, rows), wide=True)


def _daily(daily: tuple[tuple[date, str, int], ...]) -> tuple[Panel, ...]:
    if not daily:
        return ()
    days = sorted({day for day, _, _ in daily})
    cells = {(day, terminal): n for day, terminal, n in daily}
    sums: dict[str, int] = defaultdict(int)
    for _, terminal, n in daily:
        sums[terminal] += n
    order = sorted(sums, key=lambda terminal: -sums[terminal])
    total = sum(sums.values())
    summary = (
        f"{fmt.plural(total, 'event')} on {fmt.plural(len(days), 'day')} up to "
        f"{fmt.day(days[-1])}, {fmt.count(total / len(days))} a day; "
        f"{fmt.label(order[0])} carries {fmt.share(sums[order[0]], total)}."
    )
    parts = {terminal: [cells.get((day, terminal), 0) for day in days] for terminal in order}
    figure = charts.stacked_days([day.isoformat() for day in days], parts)
    return (Panel("Events per day by terminal", summary, figure, wide=True),)
