"""Section on visits: how many, from which channels, how long, and which pages are looked at."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.reports import charts, format as fmt
from databank.reports.config import ReportConfig
from databank.reports.page import Grid, Panel, Section, Tile
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection

FEWEST_PERSONS = 5  # an address of fewer persons is not shown: it may be the address of one
MOST_PAGES = 20
_CHANNELS = 7  # with a colour each
_OTHERS = "all others"


@dataclass(frozen=True)
class ChannelDay:
    """Visits of a day that came by one channel; `single` are those of one event."""

    day: date
    channel: str
    visits: int
    seconds: float
    pages: int
    single: int


@dataclass(frozen=True)
class Page:
    """One address, without query: how often, and by how many persons, about."""

    page: str
    n: int
    persons: int


@dataclass(frozen=True)
class VisitsData:
    """Visits of the latest days, the addresses where they begin, and what is looked at.

    `week` and `week_before` are distinct persons with a visit in the last seven days and in the
    seven before them.
    """

    channels: tuple[ChannelDay, ...] = ()
    week: int = 0
    week_before: int = 0
    entries: tuple[Page, ...] = ()
    pages: tuple[Page, ...] = ()


class Visits(ReportSection[VisitsData]):
    """How persons come, and what they look at."""

    key = "visits"
    title = "Visits and pages"
    tables = ("archive.visit", "core.events")
    needs = ("archive.visit",)
    filled_by = "build_archive"

    def collect(self, reader: Reader) -> VisitsData:
        """Add up visits by day and channel, and events by address, of the latest days."""
        pages: tuple[Page, ...] = ()
        events = reader.table("core.events")
        if events is not None:
            pages = _most_seen(reader.latest_days(events), "page", "id_key")
        visits = reader.table("archive.visit")
        if visits is None:
            return VisitsData(pages=pages)
        latest = reader.latest_days(visits)
        channel = F.coalesce("channel", F.lit("unknown")).alias("channel")
        counts = latest.groupBy("day", channel).agg(
            F.count("*").alias("visits"),
            F.sum("seconds").cast("double").alias("seconds"),
            F.sum("pages").alias("pages"),
            F.count_if(F.col("events") == 1).alias("single"),
        )
        # 90 days of a dozen channels
        rows = counts.orderBy("day", "channel").collect()
        channels = tuple(
            ChannelDay(r["day"], r["channel"], r["visits"], r["seconds"] or 0.0, r["pages"] or 0,
                       r["single"])
            for r in rows
        )  # fmt: skip
        if not channels:
            return VisitsData(pages=pages)
        ago = F.date_diff(F.lit(channels[-1].day), "day")
        person = F.col("person_id")
        persons = latest.agg(
            F.count_distinct(F.when(ago < 7, person)).alias("week"),
            F.count_distinct(F.when(ago.between(7, 13), person)).alias("week_before"),
        ).collect()[0]
        entries = _most_seen(latest, "entry", "person_id")
        return VisitsData(channels, persons["week"], persons["week_before"], entries, pages)

    def is_wanted(self, config: ReportConfig) -> bool:
        """Say whether conf/archive.yml has sessions."""
        return config.sessions

    def draw(self, data: VisitsData, notes: Notes) -> Section | None:
        """Draw visits by day and channel, what each channel brings, entries and pages."""
        panels: list[Panel] = []
        tiles: tuple[Tile, ...] = ()
        if data.channels:
            panels += [_by_day(data.channels), _channels(data.channels)]
            tiles = _tiles(data)
        both = bool(data.entries and data.pages)
        if data.entries:
            panels.append(_addresses("Where visits begin", "visit", data.entries, wide=not both))
        if data.pages:
            panels.append(_addresses("What is looked at", "event", data.pages, wide=not both))
        if not panels:
            return None
        summary = "The archive has no visits; these are the addresses of the events."
        if data.channels:
            first, last = data.channels[0].day, data.channels[-1].day
            total = sum(row.visits for row in data.channels)
            summary = f"{fmt.plural(total, 'visit')} {fmt.span(first, last)}."
        return self.section(summary, tuple(panels), tiles)


def _most_seen(rows: DataFrame, column: str, person: str) -> tuple[Page, ...]:
    """Count addresses that several persons have, what may name one left out of them."""
    counts = (
        rows.where(F.col(column).isNotNull() & (F.col(column) != ""))
        .groupBy(_address(column).alias("page"))
        .agg(F.count("*").alias("n"), F.approx_count_distinct(person).alias("persons"))
        .where(F.col("persons") >= FEWEST_PERSONS)
    )
    rows_shown = counts.orderBy(F.desc("n"), "page").limit(MOST_PAGES).collect()
    return tuple(Page(row["page"], row["n"], row["persons"]) for row in rows_shown)


def _address(column: str) -> Column:
    """Take an address without scheme, query, fragment, mail addresses and long numbers."""
    bare = F.regexp_replace(F.split(column, "[?#]")[0], "^https?://", "")
    return F.regexp_replace(bare, r"[^/\s]*@[^/\s]*|[0-9]{5,}", "…")


def _tiles(data: VisitsData) -> tuple[Tile, ...]:
    """Tell the last seven days, beside the seven before where the bank has them whole."""
    first, last = data.channels[0].day, data.channels[-1].day

    ago = [((last - row.day).days, row) for row in data.channels]
    week = [row for days, row in ago if days < 7]
    now = sum(row.visits for row in week)
    whole = (last - first).days >= 13
    before = sum(row.visits for days, row in ago if 7 <= days < 14) if whole else 0
    span = "in seven days" if (last - first).days >= 6 else fmt.span(first, last)
    return (
        Tile(f"visits {span}", fmt.count(now), _against(now, before)),
        Tile(
            f"visitors {span}",
            fmt.count(data.week),
            _against(data.week, data.week_before if whole else 0),
        ),
        Tile("minutes each", fmt.number(sum(row.seconds for row in week) / 60 / now)),
        Tile("of one event only", fmt.share(sum(row.single for row in week), now)),
    )


def _against(now: int, before: int) -> str:
    more = fmt.change(now, before)
    return f"{more} against the seven before" if more else ""


def _by_day(channels: tuple[ChannelDay, ...]) -> Panel:
    sums: dict[str, int] = defaultdict(int)
    for row in channels:
        sums[row.channel] += row.visits
    total = sum(sums.values())
    order = sorted(sums, key=lambda name: (-sums[name], name))
    summary = f"All are of the channel {order[0]}."
    if len(order) > 1:
        summary = f"The channel {order[0]} brings {fmt.share(sums[order[0]], total)} of the visits."
    days = sorted({row.day for row in channels})
    if len(days) == 1:
        texts = [f"{fmt.count(sums[name])} ({fmt.share(sums[name], total)})" for name in order]
        values = [sums[name] for name in order]
        return Panel("Visits by channel", summary, charts.bars(order, values, texts), wide=True)
    named = order[:_CHANNELS]
    cells: dict[tuple[str, date], int] = defaultdict(int)
    for row in channels:
        cells[row.channel if row.channel in named else _OTHERS, row.day] += row.visits
    drawn = [*named, _OTHERS] if len(order) > len(named) else named
    parts = {name: [cells[name, day] for day in days] for name in drawn}
    figure = charts.stacked_days([day.isoformat() for day in days], parts)
    return Panel("Visits per day by channel", summary, figure, wide=True)


def _channels(channels: tuple[ChannelDay, ...]) -> Panel:
    by_channel: dict[str, list[ChannelDay]] = defaultdict(list)
    for row in channels:
        by_channel[row.channel].append(row)
    sums = {name: sum(row.visits for row in rows) for name, rows in by_channel.items()}
    total = sum(sums.values())
    order = sorted(sums, key=lambda name: (-sums[name], name))
    rows = tuple(
        (
            name,
            fmt.count(sums[name]),
            fmt.share(sums[name], total),
            fmt.number(sum(row.pages for row in by_channel[name]) / sums[name]),
            fmt.number(sum(row.seconds for row in by_channel[name]) / 60 / sums[name]),
            fmt.share(sum(row.single for row in by_channel[name]), sums[name]),
        )
        for name in order
    )
    head = ("Channel", "Visits", "Share", "Pages each", "Minutes each", "Of one event")
    shades = tuple((None, None, sums[name] / total, None, None, None) for name in order)
    summary = "Pages and minutes are means; a visit of one event has no length."
    grid = Grid(head, rows, shades=shades)
    return Panel("What each channel brings", summary, grid=grid, wide=True)


def _addresses(title: str, noun: str, pages: tuple[Page, ...], *, wide: bool) -> Panel:
    rows = tuple((page.page, fmt.count(page.n), fmt.count(page.persons)) for page in pages)
    summary = (
        f"Addresses without query, the {MOST_PAGES} most frequent at most; one that fewer than "
        f"{FEWEST_PERSONS} persons have is left out. Persons are counted approximately."
    )
    grid = Grid(("Address", f"{noun.capitalize()}s", "Persons"), rows)
    return Panel(title, summary, grid=grid, wide=wide)
