"""Section on RFM: recency by frequency, coloured by persons and by money; the segments."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import functions as F

from databank.reports import charts, format as fmt
from databank.reports.config import ReportConfig, RfmNote
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection


@dataclass(frozen=True)
class RfmCell:
    """Persons of one R, F and segment, and their money together."""

    r: int
    f: int
    segment: str
    persons: int
    money: float | None


@dataclass(frozen=True)
class RfmData:
    """Cells of the newest day, and (recency, frequency) of the middle person of each segment."""

    day: date | None = None
    cells: tuple[RfmCell, ...] = ()
    medians: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)


class Rfm(ReportSection[RfmData]):
    """Who did it when, how often and for how much; what it is, such as a purchase, conf says."""

    key = "rfm"
    title = "RFM: recency, frequency, money"
    tables = ("lifecycle.rfm",)
    needs = ("lifecycle.rfm",)
    filled_by = "build_lifecycle"

    def collect(self, reader: Reader) -> RfmData:
        """Add up persons and money by R, F and segment on the newest day.

        Of recency and frequency the median is told: one clock that was wrong by years moves a mean.
        """
        rows, day = reader.newest("lifecycle.rfm")
        if rows is None:
            return RfmData()
        segment = F.coalesce("segment", F.lit("none")).alias("segment")
        scored = rows.where("r is not null and f is not null")
        cells = scored.groupBy("r", "f", segment).agg(
            F.count("*").alias("persons"),
            F.sum("monetary").alias("money"),
        )
        shown = cells.orderBy("r", "f", "segment").limit(400).collect()
        middles = scored.groupBy(segment).agg(F.median("recency_days"), F.median("frequency"))
        # a row a segment
        medians = {name: (recency, times) for name, recency, times in middles.collect()}
        return RfmData(day, tuple(RfmCell(*row) for row in shown), medians)

    def is_wanted(self, config: ReportConfig) -> bool:
        """Say whether conf/lifecycle.yml has `rfm`."""
        return config.rfm is not None

    def draw(self, data: RfmData, notes: Notes) -> Section | None:
        """Draw persons and money by recency and frequency, and the table of segments."""
        if not data.cells or data.day is None:
            return None
        currency = notes.config.currency
        persons = sum(c.persons for c in data.cells)
        money = sum(c.money or 0 for c in data.cells)
        summary = f"{fmt.plural(persons, 'person')} {_did(notes.config.rfm)} up to "
        summary += fmt.day(data.day)
        summary += f"; together they stand for {fmt.money(money, currency)}." if money else "."
        panels = [_rfm_heat(data.cells, persons, notes.config.rfm)]
        # shares of a sum that is not above nothing say nothing
        money = max(money, 0)
        if money:
            panels.append(_rfm_money(data.cells, money, currency, notes.config.rfm))
        panels.append(_segments(data, persons, money, notes))
        return self.section(summary, tuple(panels))


def _did(rfm: RfmNote | None) -> str:
    """Say what the persons of RFM have done."""
    if rfm is None:
        return "are scored"
    return "bought" if rfm.event == "purchase" else f"have the event {fmt.label(rfm.event)}"


def _counted(rfm: RfmNote | None) -> str:
    """Name what frequency counts."""
    if rfm is None:
        return "How often"
    if rfm.counted == "days":
        return f"Days with {fmt.label(rfm.event)}"
    return f"Different values of {fmt.label(rfm.counted)}"


def _rfm_heat(cells: tuple[RfmCell, ...], persons: int, rfm: RfmNote | None) -> Panel:
    counted = _by_rf({(c.r, c.f): 0.0 for c in cells}, [(c.r, c.f, c.persons) for c in cells])
    best = max(counted, key=lambda key: counted[key])
    summary = (
        f"Most persons, {fmt.count(counted[best])} ({fmt.share(counted[best], persons)}), "
        f"have R {best[0]} and F {best[1]}; a higher score is more recent and more frequent."
    )
    figure = _grid_of(counted, fmt.count, "persons", rfm)
    return Panel("Persons by recency and frequency", summary, figure)


def _rfm_money(
    cells: tuple[RfmCell, ...], money: float, currency: str, rfm: RfmNote | None
) -> Panel:
    summed = _by_rf({(c.r, c.f): 0.0 for c in cells}, [(c.r, c.f, c.money or 0.0) for c in cells])
    high = max(max(r, f) for r, f in summed) - 1
    best = sum(v for (r, f), v in summed.items() if r >= high and f >= high)
    people = sum(c.persons for c in cells if c.r >= high and c.f >= high)
    everyone = sum(c.persons for c in cells)
    summary = (
        f"Persons with R and F of {high} or more are {fmt.share(people, everyone)} of them "
        f"and brought {fmt.share(best, money)} of the money."
    )
    what = f"of {fmt.money(money, currency)}"
    figure = _grid_of(summed, lambda v: fmt.share(v, money), what, rfm)
    return Panel("Money by recency and frequency", summary, figure)


def _by_rf(
    sums: dict[tuple[int, int], float], values: list[tuple[int, int, float]]
) -> dict[tuple[int, int], float]:
    for r, f, value in values:
        sums[r, f] += value
    return sums


def _grid_of(
    cells: dict[tuple[int, int], float],
    shown: Callable[[float], str],
    what: str,
    rfm: RfmNote | None,
) -> charts.Figure:
    rs = range(min(r for r, _ in cells), max(r for r, _ in cells) + 1)
    fs = range(min(f for _, f in cells), max(f for _, f in cells) + 1)
    values = [[cells.get((r, f)) for f in fs] for r in rs]
    texts = [["" if v is None else shown(v) for v in row] for row in values]
    hovers = [[f"R {r}, F {f}: {shown(cells.get((r, f), 0))} {what}" for f in fs] for r in rs]
    titles = (f"F: {_counted(rfm).lower()}", "R: how recently")
    return charts.heat(
        [f"F {f}" for f in fs], [f"R {r}" for r in rs], values, texts, hovers, titles=titles
    )


def _segments(data: RfmData, persons: int, money: float, notes: Notes) -> Panel:
    by_segment: dict[str, list[RfmCell]] = {}
    for cell in data.cells:
        by_segment.setdefault(cell.segment, []).append(cell)
    sizes = {name: sum(c.persons for c in part) for name, part in by_segment.items()}
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    rows = []
    for name in order:
        n = sizes[name]
        spent = sum(c.money or 0 for c in by_segment[name])
        row = [fmt.label(name, 40), fmt.count(n), fmt.share(n, persons)]
        if money:
            row += [fmt.money(spent, ""), fmt.share(spent, money), fmt.number(spent / n, 0)]
        recency, times = data.medians.get(name, (None, None))
        rows.append((*row, fmt.short_number(recency), fmt.short_number(times)))
    unit = f" ({notes.config.currency})" if notes.config.currency else ""
    paid = (f"Money{unit}", "Share of money", f"Each{unit}") if money else ()
    head = ("Segment", "Persons", "Share", *paid, "Days since last", _counted(notes.config.rfm))
    largest = f"{fmt.label(order[0], 40)}: {fmt.plural(sizes[order[0]], 'person')}"
    summary = f"All are in one segment, {largest}."
    if len(order) > 1:
        share = fmt.share(sizes[order[0]], persons)
        summary = f"The largest of {len(order)} segments is {largest} ({share})."
    summary += " Half of a segment have the figures of the last two columns or less."
    return Panel("Segments", summary, grid=Grid(head, tuple(rows)), wide=True)
