"""Retention: how many come back after N days, as a curve and by the week in which they began."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import TypeVar

from databank.reports import charts, format as fmt
from databank.reports.config import IndicatorNote
from databank.reports.page import Grid, Panel
from databank.reports.reader import Period
from databank.reports.sections.figures import AFTER, Indicator, capital, described

K = TypeVar("K", str, date)

SETTLING_DAYS = 14  # at the start of a bank, old customers are seen for the first time
_SETTLED_FROM = 4 * SETTLING_DAYS  # days of data beyond which the first ones are left out
_WEEKS_FROM = 15  # days beyond which first days are taken together by week
_COHORTS = 13


def is_old_enough(period: Period) -> bool:
    """Say whether the bank has data enough to leave its first days out of retention."""
    return period.days >= _SETTLED_FROM


def draw_retention(note: IndicatorNote, rows: list[Indicator], period: Period) -> list[Panel]:
    """Draw how many come back after N days, by value of the dimension and by first day.

    Args:
        note: What the indicator means.
        rows: Its rows, of days or of weeks.
        period: The days with events.
    """
    shares = _shares(rows, lambda row: row.of)
    days = _days_after(rows)
    values = [value for value in sorted({row.of for row in rows}) if _known(shares, value, days)]
    if not values:
        return []
    series = {
        value or note.name: ([n for n in days if (value, n) in shares], _known(shares, value, days))
        for value in values
    }
    most = max(series, key=lambda value: series[value][1][0])
    points = [f"{y:.1%} on day {x}" for x, y in zip(*series[most], strict=True)]
    subject = f"of {most}, " if most != note.name else ""
    summary = (
        f"{described(note)}Of all who began {_began(rows, period)}, {subject}"
        f"{fmt.listed(points)} came back{_left_out(period)}."
    )
    title = capital(note.name)
    if len(days) == 1:
        names, heights = list(series), [ys[0] for _, ys in series.values()]
        texts = [f"{y:.1%}" for y in heights]
        curve = charts.bars([fmt.label(name) for name in names], heights, texts)
    else:
        curve = charts.lines(series, share=True, title="days after the first")
    return [Panel(title, summary, curve), _cohorts(note, rows, days)]


def _began(rows: list[Indicator], period: Period) -> str:
    """The days on which those began whom the curve counts."""
    first = min(row.day for row in rows)
    last = max(row.day for row in rows)
    if is_old_enough(period):
        # a week that is summed up is told by its first day
        sunday = last + timedelta(days=6 - last.weekday())
        last = min(sunday, period.last - timedelta(days=min(map(_after, rows))))
    return fmt.span(first, last)


def _left_out(period: Period) -> str:
    if period.first is None:
        return ""
    if not is_old_enough(period):
        return f". The bank begins on {fmt.day(period.first)}: until then nobody was known to it"
    return (
        f". The first {SETTLING_DAYS} days of the bank, from {fmt.day(period.first)} on, are left "
        "out: old customers were new to it then"
    )


def _cohorts(note: IndicatorNote, rows: list[Indicator], days: list[int]) -> Panel:
    """Draw retention by the day or week in which persons began, the latest first."""
    span = max(row.day for row in rows) - min(row.day for row in rows)
    weekly = span.days >= _WEEKS_FROM

    def began(row: Indicator) -> date:
        return row.day - timedelta(days=row.day.weekday()) if weekly else row.day

    shares = _shares(rows, began)
    least = min(days)
    sizes: dict[date, int] = defaultdict(int)
    for row in rows:
        if _after(row) == least:
            sizes[began(row)] += row.base or 0
    every = sorted(sizes, reverse=True)
    order = every[:_COHORTS]
    years = len({begin.year for begin in order})
    highest = max(share for share in shares.values()) or 1
    cells = [[shares.get((begin, n)) for n in days] for begin in order]
    grid = Grid(
        ("Week from" if weekly else "First day", "Persons", *(f"Day {n}" for n in days)),
        tuple(
            (
                f"{begin.day}\u00a0{begin:%b}" + (f" {begin.year}" if years > 1 else ""),
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
    if len(every) > len(order):
        summary += f" The latest {len(order)} of {len(every)} weeks; the curve counts all."
    title = f"{capital(note.name)} by first {'week' if weekly else 'day'}"
    return Panel(title, summary, grid=grid, wide=len(days) > 4)


def _shade(share: float | None, highest: float) -> float | None:
    return None if share is None else share / highest


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
    return int(row.part.removeprefix(AFTER))
