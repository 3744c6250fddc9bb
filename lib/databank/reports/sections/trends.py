"""Section on trends: indicators by day, retention and funnels."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import DataFrame, Window, functions as F

from databank.reports import charts, format as fmt
from databank.reports.config import IndicatorNote, ReportConfig
from databank.reports.page import Grid, Panel, Section, Tile
from databank.reports.reader import Period, Reader
from databank.reports.section import Notes, ReportSection
from databank.reports.sections.figures import (
    AFTER,
    Indicator,
    capital,
    described,
    with_amount,
    with_unit,
)
from databank.reports.sections.retention import SETTLING_DAYS, draw_retention, is_old_enough

MOST_VALUES = 6  # of a dimension
_MOST_ROWS = 50_000
_LINES = 6  # in one picture
_TILES = 8
_FLAT = 10  # a line that is so many times lower than another is flat beside it
_WEEK = timedelta(days=7)
_OF_WHO_BEGAN = ("new", "returning")


@dataclass(frozen=True)
class TrendsData:
    """Figures of the latest days, and those of retention of all days that count for it."""

    rows: tuple[Indicator, ...] = ()
    period: Period | None = None


class Trends(ReportSection[TrendsData]):
    """Lines of the daily figures, curves and cohorts of retention, bars of funnels."""

    key = "trends"
    title = "Trends"
    tables = ("reports.indicator", "core.events")
    needs = ("reports.indicator",)
    filled_by = "build_indicators"

    def is_wanted(self, config: ReportConfig) -> bool:
        """Say whether conf/indicators has any."""
        return bool(config.indicators)

    def collect(self, reader: Reader) -> TrendsData:
        """Read the latest days; of each dimension the values with most."""
        rows, period = reader.table("reports.indicator"), reader.period
        if rows is None:
            return TrendsData()
        rows = rows.select(*_COLUMNS)
        is_retention = F.col("part").startswith(AFTER)
        latest = reader.latest_days(rows.where(~is_retention))
        recent = latest.unionByName(_all_who_began(rows.where(is_retention), period))
        sizes = recent.groupBy("indicator", "dimension_value").agg(
            F.sum(F.coalesce("base", "value")).alias("size")
        )
        order = Window.partitionBy("indicator").orderBy(F.desc("size"), "dimension_value")
        place = F.row_number().over(order)
        most = sizes.withColumn("place", place).where(f"place <= {MOST_VALUES}")
        kept = recent.join(
            most.drop("size", "place"), ["indicator", "dimension_value"], "left_semi"
        )
        shown = kept.select(*_COLUMNS).orderBy(*_COLUMNS[:4]).limit(_MOST_ROWS).collect()
        return TrendsData(tuple(Indicator(*row) for row in shown), period)

    def draw(self, data: TrendsData, notes: Notes) -> Section | None:
        """Draw the indicators in the order of the configuration."""
        about = {note.name: note for note in notes.config.indicators}
        places = {name: place for place, name in enumerate(about)}
        period = data.period or Period(None, notes.day)
        by_name: dict[str, list[Indicator]] = defaultdict(list)
        for row in data.rows:
            by_name[row.name].append(row)
        order = sorted(by_name, key=lambda name: (places.get(name, len(places)), name))
        if not order:
            return None
        named = [(about.get(name) or IndicatorNote(name=name), by_name[name]) for name in order]
        daily = [(note, rows) for note, rows in named if not rows[0].part]
        whole = [(note, rows) for note, rows in daily if not any(row.of for row in rows)]
        several = len({row.day for _, rows in whole for row in rows}) > 1
        panels = [*(_by_unit(whole, period) if several else _of_one_day(whole))]
        for note, rows in daily:
            if any(row.of for row in rows):
                panels.append(_by_value(note, rows))
        for note, rows in named:
            if rows[0].part.startswith(AFTER):
                panels += draw_retention(note, rows, period)
            elif rows[0].part:
                panels.append(_funnel(note, rows, period.last))
        tiles = tuple(
            Tile(with_unit(note), fmt.short_number(rows[-1].value), _since_last_week(rows))
            for note, rows in whole[:_TILES]
        )
        summary = f"{fmt.plural(len(order), 'indicator')} up to {fmt.day(period.last)}."
        if whole:
            summary = f"{capital(whole[0][0].name)}: {_trend(*whole[0])}"
        return self.section(f"{summary}{_told_of(period, notes.day)}", tuple(panels), tiles)


_COLUMNS = ("indicator", "day", "dimension_value", "part", "value", "persons", "base")


def _all_who_began(rows: DataFrame, period: Period) -> DataFrame:
    """Keep the retention of all who began while the bank had data; by week in a long history.

    In the first days of an old bank everybody is seen for the first time, old customers too.
    """
    if period.first is None:
        return rows.where(F.col("day") <= F.lit(period.last))
    old_enough = is_old_enough(period)
    first = period.first + timedelta(days=SETTLING_DAYS if old_enough else 0)
    counted = rows.where(F.col("day").between(F.lit(first), F.lit(period.last)))
    if not old_enough:
        return counted
    # a week begins no earlier than its first day that counts
    begin = F.greatest(F.date_trunc("week", "day").cast("date"), F.lit(first))
    sums = counted.groupBy("indicator", begin.alias("day"), "dimension_value", "part").agg(
        F.sum("persons").alias("persons"), F.sum("base").alias("base")
    )
    return sums.withColumn("value", F.try_divide("persons", "base")).select(*_COLUMNS)


def _told_of(period: Period, day: date) -> str:
    """Say from where on figures are drawn, where that may be a surprise."""
    text = ""
    if period.last < day and period.first is not None:
        text += f" No event is newer than {fmt.day(period.last)}."
    if period.before and period.first is not None:
        text += (
            f" The data start on {fmt.day(period.first)}: "
            f"{fmt.plural(period.before, 'event')} long before, as of clocks that were wrong, "
            "are not drawn."
        )
    return text


def _since_last_week(rows: list[Indicator]) -> str:
    """Compare the last figure with that of the same weekday a week before."""
    last = rows[-1]
    before = next((row for row in rows if row.day == last.day - _WEEK), None)
    if before is None:
        return ""
    return fmt.since(last.value, before.value, fmt.day(before.day, beside=last.day))


def _trend(note: IndicatorNote, rows: list[Indicator]) -> str:
    """Compare the last figure with those of the week before it."""
    last = rows[-1]
    text = f"{with_amount(last.value, note)} on {fmt.day(last.day)}"
    week = [row.value for row in rows if 0 < (last.day - row.day).days <= 7]
    mean = sum(week) / len(week) if week else 0
    if mean <= 0:
        return f"{text}."
    more = f"{last.value / mean - 1:+.0%}"
    side = {"+": f"{more[1:]} above", "-": f"{more[1:]} below"}[more[0]]
    side = "at" if more[1:] == "0%" else side
    return f"{text}, {side} the mean of the {fmt.plural(len(week), 'day')} before."


def _of_one_day(whole: list[tuple[IndicatorNote, list[Indicator]]]) -> Iterable[Panel]:
    """List the figures of the only day: there is no line to draw."""
    if not whole:
        return
    day = whole[0][1][0].day
    rows = tuple(
        (fmt.label(note.name), note.description, with_amount(row.value, note))
        for note, (row,) in whole
    )
    grid = Grid(("Figure", "What it tells", "Value"), rows, text_columns=2)
    tells = "The bank has figures of this day only; lines are drawn from the second day on."
    yield Panel(f"Figures of {fmt.day(day)}", tells, grid=grid, wide=True)


def _by_unit(whole: list[tuple[IndicatorNote, list[Indicator]]], period: Period) -> Iterable[Panel]:
    """Draw one picture for each unit, because figures of one unit can be compared."""
    for each in _comparable(whole):
        for some in (each[at : at + _LINES] for at in range(0, len(each), _LINES)):
            series = {note.name: _line(rows) for note, rows in some}
            note, rows = some[0]
            if len(some) == 1:
                summary = f"{described(note)}{capital(_trend(note, rows))}{_settling(some, period)}"
                yield Panel(capital(with_unit(note)), summary, charts.lines(series))
                continue
            sentences = [f"{capital(n.name)}: {n.description}." for n, _ in some if n.description]
            summary = " ".join([f"{capital(note.name)}: {_trend(note, rows)}", *sentences])
            title = f"{capital(note.unit or 'figures')} by day"
            if sum(n.unit == note.unit for n, _ in whole) > len(each):
                title += f": {fmt.listed([fmt.label(n.name) for n, _ in some])}"
            panel = f"{summary}{_settling(some, period)}"
            yield Panel(title, panel, charts.lines(series), wide=True)


def _comparable(
    whole: list[tuple[IndicatorNote, list[Indicator]]],
) -> Iterable[list[tuple[IndicatorNote, list[Indicator]]]]:
    """Group figures of one unit, those apart that would be flat beside the others."""
    for unit in dict.fromkeys(note.unit for note, _ in whole):
        each = [(note, rows) for note, rows in whole if note.unit == unit]
        heights = {note.name: max(abs(row.value) for row in rows) for note, rows in each}
        flat = {name for name, n in heights.items() if n * _FLAT < max(heights.values())}
        groups = [[pair for pair in each if (pair[0].name in flat) == low] for low in (False, True)]
        # the one with the figure that conf names first comes first
        yield from sorted(filter(None, groups), key=lambda group: group[0][0] != each[0][0])


def _settling(some: list[tuple[IndicatorNote, list[Indicator]]], period: Period) -> str:
    """Warn where the picture shows the first days of the bank, which knew nobody before."""
    first = min(row.day for _, rows in some for row in rows)
    names = [fmt.label(note.name) for note, _ in some if note.kind in _OF_WHO_BEGAN]
    if not names or period.first != first:
        return ""
    return f" The bank begins on {fmt.day(first)}: in its first weeks old customers count as new."


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
    summary = f"{described(note)}All of it is {order[0]}."
    if len(order) > 1:
        number = f"{len(order)} largest" if len(order) == MOST_VALUES else str(len(order))
        summary = f"{described(note)}The first of the {number} values is {order[0]}."
    if len(days) == 1:
        values = [sums[value] for value in order]
        texts = [fmt.short_number(value) for value in values]
        return Panel(capital(note.name), summary, charts.bars(order, values, texts), wide=True)
    return Panel(capital(note.name), summary, charts.lines(series), wide=True)


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
        f"{described(note)}{fmt.share(values[-1], values[0])} of those who began "
        f"{fmt.span(first, last)} got to the end"
    )
    summary += "; who began on several days counts on each." if first < last else "."
    return Panel(capital(note.name), summary, charts.bars(order, values, texts))
