"""Section on RFM: recency by frequency, coloured by persons and by money; the segments."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pyspark.sql import functions as F

from databank.reports import charts, format as fmt
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection


@dataclass(frozen=True)
class RfmCell:
    """Persons of one R, F and segment, what they spent, and their mean recency and frequency."""

    r: int
    f: int
    segment: str
    persons: int
    money: float | None
    recency: float | None
    frequency: float | None


@dataclass(frozen=True)
class RfmData:
    """Cells of the newest day."""

    day: date | None = None
    cells: tuple[RfmCell, ...] = ()


class Rfm(ReportSection[RfmData]):
    """Who bought when, how often and for how much."""

    key = "rfm"
    title = "RFM: recency, frequency, money"
    tables = ("lifecycle.rfm",)
    needs = ("lifecycle.rfm",)
    filled_by = "build_lifecycle"

    def collect(self, reader: Reader) -> RfmData:
        """Add up persons, money, recency and frequency by R, F and segment on the newest day."""
        rows, day = reader.newest("lifecycle.rfm")
        if rows is None:
            return RfmData()
        segment = F.coalesce("segment", F.lit("none")).alias("segment")
        cells = rows.groupBy("r", "f", segment).agg(
            F.count("*").alias("persons"),
            F.sum("monetary").alias("money"),
            F.avg("recency_days").alias("recency"),
            F.avg("frequency").alias("frequency"),
        )
        cells = cells.where("r is not null and f is not null")
        shown = cells.orderBy("r", "f", "segment").limit(400).collect()
        return RfmData(day, tuple(RfmCell(*row) for row in shown))

    def draw(self, data: RfmData, notes: Notes) -> Section | None:
        """Draw persons and money by recency and frequency, and the table of segments."""
        if not data.cells or data.day is None:
            return None
        currency = notes.config.currency
        persons = sum(c.persons for c in data.cells)
        money = sum(c.money or 0 for c in data.cells)
        summary = f"{fmt.plural(persons, 'person')} bought up to {fmt.day(data.day)}"
        summary += f" and spent {fmt.money(money, currency)}." if money else "."
        panels = [_rfm_heat(data.cells, persons)]
        if money:
            panels.append(_rfm_money(data.cells, money, currency))
        panels.append(_segments(data.cells, persons, money, currency))
        return self.section(summary, tuple(panels))


def _rfm_heat(cells: tuple[RfmCell, ...], persons: int) -> Panel:
    counted = _by_rf({(c.r, c.f): 0.0 for c in cells}, [(c.r, c.f, c.persons) for c in cells])
    best = max(counted, key=lambda key: counted[key])
    summary = (
        f"Most persons, {fmt.count(counted[best])} ({fmt.share(counted[best], persons)}), "
        f"have R {best[0]} and F {best[1]}; 5 is the most recent and the most frequent."
    )
    return Panel(
        "Persons by recency and frequency", summary, _grid_of(counted, fmt.count, "persons")
    )


def _rfm_money(cells: tuple[RfmCell, ...], money: float, currency: str) -> Panel:
    summed = _by_rf({(c.r, c.f): 0.0 for c in cells}, [(c.r, c.f, c.money or 0.0) for c in cells])
    high = max(max(r, f) for r, f in summed) - 1
    best = sum(v for (r, f), v in summed.items() if r >= high and f >= high)
    people = sum(c.persons for c in cells if c.r >= high and c.f >= high)
    everyone = sum(c.persons for c in cells)
    summary = (
        f"Persons with R and F of {high} or more are {fmt.share(people, everyone)} of buyers "
        f"and brought {fmt.share(best, money)} of the money."
    )
    figure = _grid_of(summed, lambda v: fmt.share(v, money), f"of {fmt.money(money, currency)}")
    return Panel("Money by recency and frequency", summary, figure)


def _by_rf(
    sums: dict[tuple[int, int], float], values: list[tuple[int, int, float]]
) -> dict[tuple[int, int], float]:
    for r, f, value in values:
        sums[r, f] += value
    return sums


def _grid_of(
    cells: dict[tuple[int, int], float], shown: Callable[[float], str], what: str
) -> charts.Figure:
    rs = range(min(r for r, _ in cells), max(r for r, _ in cells) + 1)
    fs = range(min(f for _, f in cells), max(f for _, f in cells) + 1)
    values = [[cells.get((r, f)) for f in fs] for r in rs]
    texts = [["" if v is None else shown(v) for v in row] for row in values]
    hovers = [[f"R {r}, F {f}: {shown(cells.get((r, f), 0))} {what}" for f in fs] for r in rs]
    titles = ("F: how often", "R: how recently")
    return charts.heat(
        [f"F {f}" for f in fs], [f"R {r}" for r in rs], values, texts, hovers, titles=titles
    )


def _segments(cells: tuple[RfmCell, ...], persons: int, money: float, currency: str) -> Panel:
    by_segment: dict[str, list[RfmCell]] = {}
    for cell in cells:
        by_segment.setdefault(cell.segment, []).append(cell)
    sizes = {name: sum(c.persons for c in part) for name, part in by_segment.items()}
    order = sorted(sizes, key=lambda name: -sizes[name])
    rows = []
    for name in order:
        members, n = by_segment[name], sizes[name]
        spent = sum(c.money or 0 for c in members)
        row = [fmt.label(name, 40), fmt.count(n), fmt.share(n, persons)]
        if money:
            row += [fmt.money(spent, ""), fmt.share(spent, money), fmt.number(spent / n, 0)]
        row += [_mean(members, "recency"), _mean(members, "frequency")]
        rows.append(tuple(row))
    unit = f" ({currency})" if currency else ""
    paid = (f"Money{unit}", "Share of money", "Each") if money else ()
    head = ("Segment", "Persons", "Share", *paid, "Days since last", "Purchases")
    summary = (
        f"The largest of {fmt.plural(len(order), 'segment')} is {fmt.label(order[0], 40)}: "
        f"{fmt.plural(sizes[order[0]], 'person')} ({fmt.share(sizes[order[0]], persons)})."
    )
    return Panel("Segments", summary, grid=Grid(head, tuple(rows)), wide=True)


def _mean(cells: list[RfmCell], name: str) -> str:
    known = [(getattr(c, name), c.persons) for c in cells if getattr(c, name) is not None]
    weight = sum(n for _, n in known)
    return fmt.number(sum(v * n for v, n in known) / weight if weight else None)
