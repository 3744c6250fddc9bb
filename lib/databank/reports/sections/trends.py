"""Section on trends: indicators by day, retention and funnels."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from pyspark.sql import Window, functions as F

from databank.reports import charts, format as fmt
from databank.reports.config import IndicatorNote
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection

K = TypeVar("K", str, date)

MOST_VALUES = 6  # of a dimension
_MOST_ROWS = 50_000
_LINES = 6  # in one picture
_TILES = 8
_WEEKS_FROM = 15  # first days beyond which they are taken together by week
_COHORTS = 13
_AFTER = "day "  # begins the part of a retention


@dataclass(frozen=True)
class Indicator:
    """One row of reports.indicator."""

    name: str
    day: date
    of: str  # value of its dimension; '' = all
    part: str
    value: float
    persons: int | None
    base: int | None


class Trends(ReportSection[tuple[Indicator, ...]]):
    """Lines of the daily figures, curves and cohorts of retention, bars of funnels."""

    key = "trends"
    title = "Trends"
    tables = ("reports.indicator",)
    needs = ("reports.indicator",)
    filled_by = "build_indicators"
    optional = True

    def collect(self, reader: Reader) -> tuple[Indicator, ...]:
        """Read the latest days; of each dimension the values with most."""
        rows = reader.table("reports.indicator")
        if rows is None:
            return ()
        recent = reader.latest_days(rows)
        sizes = recent.groupBy("indicator", "dimension_value").agg(
            F.sum(F.coalesce("base", "value")).alias("size")
        )
        order = Window.partitionBy("indicator").orderBy(F.desc("size"), "dimension_value")
        place = F.row_number().over(order)
        most = sizes.withColumn("place", place).where(f"place <= {MOST_VALUES}")
        kept = recent.join(
            most.drop("size", "place"), ["indicator", "dimension_value"], "left_semi"
        )
        columns = ("indicator", "day", "dimension_value", "part", "value", "persons", "base")
        shown = kept.select(*columns).orderBy(*columns[:4]).limit(_MOST_ROWS).collect()
        return tuple(Indicator(*row) for row in shown)

    def draw(self, data: tuple[Indicator, ...], notes: Notes) -> Section | None:
        """Draw the indicators in the order of the configuration."""
        about = {note.name: note for note in notes.config.indicators}
        places = {name: place for place, name in enumerate(about)}
        by_name: dict[str, list[Indicator]] = defaultdict(list)
        for row in data:
            by_name[row.name].append(row)
        order = sorted(by_name, key=lambda name: (places.get(name, len(places)), name))
        if not order:
            return None
        named = [(about.get(name) or IndicatorNote(name=name), by_name[name]) for name in order]
        daily = [(note, rows) for note, rows in named if not rows[0].part]
        whole = [(note, rows) for note, rows in daily if not any(row.of for row in rows)]
        panels = [*_by_unit(whole)]
        for note, rows in daily:
            if any(row.of for row in rows):
                panels.append(_by_value(note, rows))
        for note, rows in named:
            if rows[0].part.startswith(_AFTER):
                panels += _retention(note, rows)
            elif rows[0].part:
                panels.append(_funnel(note, rows, notes.day))
        tiles = tuple(
            (_with_unit(note), fmt.short_number(rows[-1].value)) for note, rows in whole[:_TILES]
        )
        summary = f"{fmt.plural(len(order), 'indicator')} up to {fmt.day(notes.day)}."
        if whole:
            summary = f"{_capital(whole[0][0].name)}: {_trend(*whole[0])}"
        return self.section(summary, tuple(panels), tiles)


def _trend(note: IndicatorNote, rows: list[Indicator]) -> str:
    """Compare the last figure with those of the week before it."""
    last = rows[-1]
    text = f"{_amount(last.value, note)} on {fmt.day(last.day)}"
    week = [row.value for row in rows if 0 < (last.day - row.day).days <= 7]
    mean = sum(week) / len(week) if week else 0
    if not mean:
        return f"{text}."
    more = f"{last.value / mean - 1:+.0%}"
    side = {"+": f"{more[1:]} above", "-": f"{more[1:]} below"}[more[0]]
    side = "at" if more[1:] == "0%" else side
    return f"{text}, {side} the mean of the {fmt.plural(len(week), 'day')} before."


def _by_unit(whole: list[tuple[IndicatorNote, list[Indicator]]]) -> Iterable[Panel]:
    """Draw one picture for each unit, because figures of one unit can be compared."""
    for unit in dict.fromkeys(note.unit for note, _ in whole):
        each = [(note, rows) for note, rows in whole if note.unit == unit]
        for some in (each[at : at + _LINES] for at in range(0, len(each), _LINES)):
            series = {note.name: _line(rows) for note, rows in some}
            note, rows = some[0]
            if len(some) == 1:
                summary = f"{_described(note)}{_capital(_trend(note, rows))}"
                title = _capital(_with_unit(note))
                yield Panel(title, summary, charts.lines(series))
                continue
            described = [f"{_capital(n.name)}: {n.description}." for n, _ in some if n.description]
            summary = " ".join([f"{_capital(note.name)}: {_trend(note, rows)}", *described])
            title = f"{_capital(unit or 'figures')} by day"
            yield Panel(title, summary, charts.lines(series), wide=True)


def _line(rows: Iterable[Indicator]) -> tuple[list[str], list[float]]:
    ordered = sorted(rows, key=lambda row: row.day)
    return [row.day.isoformat() for row in ordered], [row.value for row in ordered]


def _by_value(note: IndicatorNote, rows: list[Indicator]) -> Panel:
    """Draw a line for each value of the dimension; a day without a row is a 0."""
    first, last = min(row.day for row in rows), max(row.day for row in rows)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    cells = {(row.of, row.day): row.value for row in rows}
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[row.of] += row.value
    order = sorted(sums, key=lambda value: (-sums[value], value))
    series = {
        value: ([day.isoformat() for day in days], [cells.get((value, day), 0) for day in days])
        for value in order
    }
    summary = f"{_described(note)}Most of it is {order[0]}"
    summary += f", of the {len(order)} largest values." if len(order) > 1 else "."
    return Panel(_capital(note.name), summary, charts.lines(series), wide=True)


def _retention(note: IndicatorNote, rows: list[Indicator]) -> list[Panel]:
    """Draw how many come back after N days, by value of the dimension and by first day."""
    shares = _shares(rows, lambda row: row.of)
    days = _days_after(rows)
    series = {
        value or note.name: ([n for n in days if (value, n) in shares], _known(shares, value, days))
        for value in sorted({row.of for row in rows})
    }
    most = max(series, key=lambda value: series[value][1][0])
    points = [f"{y:.1%} on day {x}" for x, y in zip(*series[most], strict=True)]
    summary = f"{_described(note)}{_capital(most)}: {fmt.listed(points)}."
    curve = charts.lines(series, share=True, title="days after the first")
    return [Panel(_capital(note.name), summary, curve), _cohorts(note, rows, days)]


def _cohorts(note: IndicatorNote, rows: list[Indicator], days: list[int]) -> Panel:
    """Draw retention by the day or week in which persons began, the latest first."""
    weekly = len({row.day for row in rows}) >= _WEEKS_FROM

    def began(row: Indicator) -> date:
        return row.day - timedelta(days=row.day.weekday()) if weekly else row.day

    shares = _shares(rows, began)
    least = min(days)
    sizes: dict[date, int] = defaultdict(int)
    for row in rows:
        if _after(row) == least:
            sizes[began(row)] += row.base or 0
    order = sorted(sizes, reverse=True)[:_COHORTS]
    highest = max(share for share in shares.values()) or 1
    cells = [[shares.get((begin, n)) for n in days] for begin in order]
    grid = Grid(
        ("Week from" if weekly else "First day", "Persons", *(f"Day {n}" for n in days)),
        tuple(
            (
                f"{begin.day}\u00a0{begin:%b}",
                fmt.count(sizes[begin]),
                *("" if share is None else f"{share:.1%}" for share in line),
            )
            for begin, line in zip(order, cells, strict=True)
        ),
        shades=tuple((None, None, *(_shade(s, highest) for s in line)) for line in cells),
    )
    summary = (
        "Of those who began then, the share that is back on the day; empty = has not been yet."
    )
    return Panel(
        f"{_capital(note.name)} by first {'week' if weekly else 'day'}", summary, grid=grid
    )


def _shade(share: float | None, highest: float) -> float | None:
    return None if share is None else share / highest


def _funnel(note: IndicatorNote, rows: list[Indicator], day: date) -> Panel:
    """Draw persons by step, of all days whose time has passed; of all days if none has."""
    over = [row for row in rows if (day - row.day).days >= note.ahead] or rows
    sums: dict[str, int] = defaultdict(int)
    for row in over:
        sums[row.part] += row.persons or 0
    order = sorted(sums, key=lambda part: int(part.partition(" ")[0]))
    values = [sums[part] for part in order]
    texts = [f"{fmt.count(n)} ({fmt.share(n, values[0])})" for n in values]
    first, last = min(row.day for row in over), max(row.day for row in over)
    summary = (
        f"{_described(note)}{fmt.share(values[-1], values[0])} of those who began on a day from "
        f"{fmt.day(first, beside=last)} to {fmt.day(last)} got to the end; who began on "
        "several days counts on each."
    )
    return Panel(_capital(note.name), summary, charts.bars(order, values, texts))


def _shares(rows: Iterable[Indicator], key: Callable[[Indicator], K]) -> dict[tuple[K, int], float]:
    """Compute the share by a key and the day after the first, over all rows of the key."""
    sums: dict[tuple[K, int], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        cell = sums[key(row), _after(row)]
        cell[0] += row.persons or 0
        cell[1] += row.base or 0
    return {place: persons / base for place, (persons, base) in sums.items() if base}


def _known(shares: dict[tuple[str, int], float], value: str, days: list[int]) -> list[float]:
    return [shares[value, n] for n in days if (value, n) in shares]


def _days_after(rows: Iterable[Indicator]) -> list[int]:
    return sorted({_after(row) for row in rows})


def _after(row: Indicator) -> int:
    return int(row.part.removeprefix(_AFTER))


def _amount(value: float, note: IndicatorNote) -> str:
    text = fmt.short_number(value)
    return f"{text} {note.unit}" if note.unit and note.unit not in note.name else text


def _with_unit(note: IndicatorNote) -> str:
    name = fmt.label(note.name)
    return f"{name}, {note.unit}" if note.unit and note.unit not in note.name else name


def _described(note: IndicatorNote) -> str:
    return f"{note.description}. " if note.description else ""


def _capital(name: str) -> str:
    text = fmt.label(name, 80)
    return text[:1].upper() + text[1:]
