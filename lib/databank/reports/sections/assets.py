"""Section on what the bank rests on: rows by source, events by day, what persons are known by."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F

from databank.reports import charts, format as fmt
from databank.reports.page import Grid, Panel, Section, Tile
from databank.reports.reader import Period, Reader
from databank.reports.section import Notes, ReportSection
from databank.reports.sections.identity import known_by_one

_CORE = ("events", "profiles", "items")
_TILES = ("persons", "identifiers", *_CORE)
_TERMINALS = 7  # with a colour each; the rest are drawn together
_OTHERS = "all others"


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
    period: Period | None = None


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
        return AssetsData(sources, core_rows, _events_by_day(reader), reader.period)

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
            Tile(name, fmt.count(notes.totals[name])) for name in _TILES if notes.totals.get(name)
        )
        came = fmt.plural(len(data.sources), "source")
        summary = f"{fmt.plural(read, 'row')} came from {came}; none waits in quarantine."
        if held:
            wait = "waits" if held == 1 else "wait"
            summary = (
                f"{fmt.plural(read, 'row')} came from {came}; {fmt.count(held)} of them "
                f"({fmt.share(held, read)}) {wait} in quarantine."
            )
        panels = (
            *_daily(data.daily, data.period, notes.day),
            *_known_by(notes),
            _sources(data.sources),
        )
        return self.section(summary, panels, tiles)


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
    latest = reader.latest_days(events).select("day", terminal)
    sizes = latest.groupBy("terminal").count().orderBy(F.desc("count"), "terminal")
    most = [row["terminal"] for row in sizes.limit(_TERMINALS).collect()]
    drawn = F.when(F.col("terminal").isin(most), F.col("terminal")).otherwise(F.lit(_OTHERS))
    # 90 days and a handful of terminals: a few hundred rows
    counts = latest.groupBy("day", drawn.alias("terminal")).count()
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
    summary = "A repeated row and an older state of a record are read, but held once."
    if len(sources) > 1:
        summary = (
            f"Most comes from {largest.source}: {fmt.count(largest.loaded)} of "
            f"{fmt.count(sum(s.loaded for s in sources))} rows held. {summary}"
        )
    # what each file brought is for those who run the bank
    return Panel("What each source brought", summary, grid=Grid(head, rows), wide=True, folded=True)


def _known_by(notes: Notes) -> tuple[Panel, ...]:
    """Draw how many persons are known by several identifiers, and by a single one of which type."""
    alone = known_by_one(notes.totals)
    persons = notes.totals.get("persons", 0)
    if not alone or max(alone.values()) == persons:
        return ()  # one bar of all persons tells no more than the sentence under the heading
    several = persons - sum(alone.values())
    order = sorted(alone, key=lambda id_type: (-alone[id_type], id_type))
    bars = {"two identifiers or more": several} if several else {}
    bars |= {f"one {fmt.label(id_type)} only": alone[id_type] for id_type in order}
    first = f"{fmt.count(alone[order[0]])} of {fmt.plural(persons, 'person')}"
    summary = (
        f"{first} ({fmt.share(alone[order[0]], persons)}) are a single {fmt.label(order[0])}: "
        "one human being may be several of them."
    )
    texts = [f"{fmt.count(n)} ({fmt.share(n, persons)})" for n in bars.values()]
    quiet = frozenset(bars) - {"two identifiers or more"}
    figure = charts.bars(list(bars), list(bars.values()), texts, quiet=quiet, length=40)
    return (Panel("What persons are known by", summary, figure, wide=True),)


def _daily(
    daily: tuple[tuple[date, str, int], ...], period: Period | None, run_day: date
) -> tuple[Panel, ...]:
    if not daily:
        return ()
    days = sorted({day for day, _, _ in daily})
    cells = {(day, terminal): n for day, terminal, n in daily}
    sums: dict[str, int] = defaultdict(int)
    for _, terminal, n in daily:
        sums[terminal] += n
    order = sorted(sums, key=lambda terminal: (terminal == _OTHERS, -sums[terminal], terminal))
    total = sum(sums.values())
    summary = f"{fmt.plural(total, 'event')} {fmt.span(days[0], days[-1])}"
    if len(days) > 1:
        summary += f", {fmt.count(total / len(days))} on a day with events"
    if len(order) > 1:
        summary += f"; {fmt.label(order[0])} carries {fmt.share(sums[order[0]], total)}"
    summary += f".{_weeks(daily, days[-1])}"
    if days[-1] < run_day:
        summary += f" Nothing is newer than {fmt.day(days[-1])}."
    if period is not None and period.before and period.first is not None:
        summary += (
            f" {fmt.plural(period.before, 'event')} long before {fmt.day(period.first)}, as of "
            "clocks that were wrong, are not drawn."
        )
    if len(days) == 1:
        texts = [f"{fmt.count(sums[name])} ({fmt.share(sums[name], total)})" for name in order]
        figure = charts.bars(order, [sums[name] for name in order], texts)
        return (Panel("Events by terminal", summary, figure, wide=True),)
    parts = {terminal: [cells.get((day, terminal), 0) for day in days] for terminal in order}
    figure = charts.stacked_days([day.isoformat() for day in days], parts)
    return (Panel("Events per day by terminal", summary, figure, wide=True),)


def _weeks(daily: tuple[tuple[date, str, int], ...], last: date) -> str:
    """Compare the last seven days with the seven before, where the bank has both."""
    if (last - min(day for day, _, _ in daily)).days < 13:
        return ""
    now = sum(n for day, _, n in daily if (last - day).days < 7)
    before = sum(n for day, _, n in daily if 7 <= (last - day).days < 14)
    more = fmt.change(now, before)
    return f" The last seven days against the seven before: {more}." if more else ""
