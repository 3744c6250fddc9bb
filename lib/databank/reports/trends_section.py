"""The section on trends: indicators by day, retention and funnels."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import TypeVar

from databank.reports import charts, format as fmt
from databank.reports.config import IndicatorNote, ReportConfig
from databank.reports.facts import Facts, Indicator
from databank.reports.page import Grid, Panel, Section

K = TypeVar("K", str, date)

_LINES = 6  # in one picture
_TILES = 8
_WEEKS_FROM = 15  # first days beyond which they are taken together by week
_COHORTS = 13
_AFTER = "day "  # begins the part of a retention


def trends_section(facts: Facts, config: ReportConfig) -> tuple[Section, ...]:
    """Lines of the daily figures, curves and cohorts of retention, bars of funnels.

    No section where there are no indicators.
    """
    notes = {note.name: note for note in config.indicators}
    places = {name: place for place, name in enumerate(notes)}
    found: dict[str, list[Indicator]] = defaultdict(list)
    for row in facts.indicators:
        found[row.name].append(row)
    order = sorted(found, key=lambda name: (places.get(name, len(places)), name))
    if not order:
        return ()
    named = [(notes.get(name) or IndicatorNote(name=name), found[name]) for name in order]
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
            panels.append(_funnel(note, rows, facts.day))
    tiles = tuple(
        (_with_unit(note), fmt.short_number(rows[-1].value)) for note, rows in whole[:_TILES]
    )
    says = f"{fmt.plural(len(order), 'indicator')} up to {fmt.day(facts.day)}."
    if whole:
        says = f"{_capital(whole[0][0].name)}: {_trend(*whole[0])}"
    return (Section("trends", "Trends", says, tiles, tuple(panels)),)


def _trend(note: IndicatorNote, rows: list[Indicator]) -> str:
    """The last figure beside those of the week before it."""
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
    """A picture for each unit, for figures of one unit can be compared."""
    for unit in dict.fromkeys(note.unit for note, _ in whole):
        each = [one for one in whole if one[0].unit == unit]
        for some in (each[at : at + _LINES] for at in range(0, len(each), _LINES)):
            series = {note.name: _line(rows) for note, rows in some}
            note, rows = some[0]
            if len(some) == 1:
                says = f"{_described(note)}{_capital(_trend(note, rows))}"
                title = _capital(_with_unit(note))
                yield Panel(title, says, charts.lines(series))
                continue
            told = [f"{_capital(n.name)}: {n.description}." for n, _ in some if n.description]
            says = " ".join([f"{_capital(note.name)}: {_trend(note, rows)}", *told])
            title = f"{_capital(unit or 'figures')} by day"
            yield Panel(title, says, charts.lines(series), wide=True)


def _line(rows: Iterable[Indicator]) -> tuple[list[str], list[float]]:
    ordered = sorted(rows, key=lambda row: row.day)
    return [row.day.isoformat() for row in ordered], [row.value for row in ordered]


def _by_value(note: IndicatorNote, rows: list[Indicator]) -> Panel:
    """A line for each value of the dimension; a day without a row is a 0."""
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
    says = f"{_described(note)}Most of it is {order[0]}"
    says += f", of the {len(order)} largest values." if len(order) > 1 else "."
    return Panel(_capital(note.name), says, charts.lines(series), wide=True)


def _retention(note: IndicatorNote, rows: list[Indicator]) -> list[Panel]:
    """How many come back after N days, by value of the dimension, and by when they began."""
    shares = _shares(rows, lambda row: row.of)
    days = _days_after(rows)
    series = {
        value or note.name: ([n for n in days if (value, n) in shares], _known(shares, value, days))
        for value in sorted({row.of for row in rows})
    }
    most = max(series, key=lambda value: series[value][1][0])
    told = [f"{y:.1%} on day {x}" for x, y in zip(*series[most], strict=True)]
    says = f"{_described(note)}{_capital(most)}: {fmt.listed(told)}."
    curve = charts.lines(series, share=True, title="days after the first")
    return [Panel(_capital(note.name), says, curve), _cohorts(note, rows, days)]


def _cohorts(note: IndicatorNote, rows: list[Indicator], days: list[int]) -> Panel:
    """The same by the day or the week in which persons began, the latest first."""
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
    says = "Of those who began then, the share that is back on the day; empty = has not been yet."
    return Panel(f"{_capital(note.name)} by first {'week' if weekly else 'day'}", says, grid=grid)


def _shade(share: float | None, highest: float) -> float | None:
    return None if share is None else share / highest


def _funnel(note: IndicatorNote, rows: list[Indicator], day: date) -> Panel:
    """Persons by step, of all days whose time has passed; of all days if none has."""
    over = [row for row in rows if (day - row.day).days >= note.ahead] or rows
    sums: dict[str, int] = defaultdict(int)
    for row in over:
        sums[row.part] += row.persons or 0
    order = sorted(sums, key=lambda part: int(part.partition(" ")[0]))
    values = [sums[part] for part in order]
    texts = [f"{fmt.count(n)} ({fmt.share(n, values[0])})" for n in values]
    first, last = min(row.day for row in over), max(row.day for row in over)
    says = (
        f"{_described(note)}{fmt.share(values[-1], values[0])} of those who began on a day from "
        f"{fmt.day(first, beside=last)} to {fmt.day(last)} got to the end; who began on "
        "several days counts on each."
    )
    return Panel(_capital(note.name), says, charts.bars(order, values, texts))


def _shares(rows: Iterable[Indicator], key: Callable[[Indicator], K]) -> dict[tuple[K, int], float]:
    """Share by some key and day after the first, over all rows that have the key."""
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
