"""Section on audiences: sizes, what they mean, and how they overlap."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import DataFrame, functions as F

from databank.reports import charts, format as fmt
from databank.reports.config import ReportConfig
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection

MOST_COMPARED = 16  # audiences in the overlap matrix, the largest


@dataclass(frozen=True)
class AudiencesData:
    """(audience, day, persons) by size, and persons in both audiences of a pair.

    `earlier` are (day, persons) of an audience a week or more before its newest day.
    """

    sizes: tuple[tuple[str, date, int], ...] = ()
    overlaps: dict[tuple[str, str], int] = field(default_factory=dict)
    earlier: dict[str, tuple[date, int]] = field(default_factory=dict)


class Audiences(ReportSection[AudiencesData]):
    """Who is in which audience."""

    key = "audiences"
    title = "Audiences"
    tables = ("audiences.member",)
    needs = ("audiences.member",)
    filled_by = "build_audiences"

    def collect(self, reader: Reader) -> AudiencesData:
        """Count sizes on each audience's newest day, and exactly the persons in both of a pair."""
        rows = reader.table("audiences.member")
        if rows is None:
            return AudiencesData()
        current = reader.newest_of_each(rows, "audience").select("audience", "day", "person_id")
        counted = current.groupBy("audience", "day").agg(F.count("*").alias("n"))
        sizes = counted.orderBy(F.desc("n"), "audience").limit(300).collect()
        compared = [row["audience"] for row in sizes[:MOST_COMPARED]]
        return AudiencesData(
            tuple((row["audience"], row["day"], row["n"]) for row in sizes),
            _overlaps(current, compared) if len(compared) > 1 else {},
            _sizes_before(rows, counted.select("audience", F.col("day").alias("newest"))),
        )

    def totals(self, data: AudiencesData) -> dict[str, int]:
        """Count the audiences."""
        return {"audiences": len(data.sizes)}

    def is_wanted(self, config: ReportConfig) -> bool:
        """Say whether conf/audiences has any."""
        return bool(config.audiences)

    def draw(self, data: AudiencesData, notes: Notes) -> Section | None:
        """Draw sizes, what they mean, and how they overlap."""
        if not data.sizes:
            return None
        held = {name: n for name, _, n in data.sizes}
        named = [note.name for note in notes.config.audiences]
        sizes = held | {name: 0 for name in named if name not in held}
        order = sorted(sizes, key=lambda name: (-sizes[name], name))
        persons = notes.totals.get("persons", 0)
        summary = (
            f"{fmt.plural(len(order), 'audience')}; the largest, {fmt.label(order[0])}, "
            f"reaches {fmt.plural(sizes[order[0]], 'person')}."
        )
        if len(order) == 1:
            reached = fmt.plural(sizes[order[0]], "person")
            summary = f"One audience, {fmt.label(order[0])}, reaches {reached}."
        panels = [_sizes(order, sizes, persons), _audience_table(order, sizes, data, notes)]
        if data.overlaps:
            filled = [name for name in order if held.get(name)]
            panels.append(_overlap(filled, held, data.overlaps))
        return self.section(summary, tuple(panels))


def _sizes_before(rows: DataFrame, newest: DataFrame) -> dict[str, tuple[date, int]]:
    """Count each audience on its newest day that is a week before, but not months."""
    ago = F.date_diff("newest", "day")
    then = rows.join(F.broadcast(newest), "audience").where(ago.between(7, 31))
    sizes = then.groupBy("audience", "day").agg(F.count("*").alias("n"))
    last = sizes.groupBy("audience").agg(F.max(F.struct("day", "n")).alias("last"))
    return {row["audience"]: (row["last"]["day"], row["last"]["n"]) for row in last.collect()}


def _overlaps(current: DataFrame, names: list[str]) -> dict[tuple[str, str], int]:
    """Count persons in both of each pair: by set of audiences first, then by the pairs of a set."""
    sets = (
        current.where(F.col("audience").isin(names))
        .groupBy("person_id")
        .agg(F.array_sort(F.collect_set("audience")).alias("names"))
        .groupBy("names")
        .agg(F.count("*").alias("n"))
    )
    members = sets.select(F.explode("names").alias("a"), "names", "n")
    pairs = members.select("a", F.explode("names").alias("b"), "n").where("a < b")
    sums = pairs.groupBy("a", "b").agg(F.sum("n").alias("n")).collect()
    return {(row["a"], row["b"]): row["n"] for row in sums}


def _sizes(order: list[str], sizes: dict[str, int], persons: int) -> Panel:
    shown = order[:20]
    texts = [fmt.count(sizes[name]) for name in shown]
    hovers = [
        f"{fmt.plural(sizes[n], 'person')}, {fmt.share(sizes[n], persons)} of all" for n in shown
    ]
    share = fmt.share(sizes[order[0]], persons)
    summary = f"{fmt.label(order[0])} holds {share} of all persons."
    if len(order) > 1:
        summary = (
            f"The largest, {fmt.label(order[0])}, holds {share} of all persons; the smallest, "
            f"{fmt.label(order[-1])}, {fmt.share(sizes[order[-1]], persons)}."
        )
    if len(order) > len(shown):
        summary += f" The {len(shown)} largest of {len(order)} are drawn."
    values = [sizes[name] for name in shown]
    figure = charts.bars(shown, values, texts, hovers=hovers, length=44)
    return Panel("Persons by audience", summary, figure, wide=True)


def _audience_table(
    order: list[str], sizes: dict[str, int], data: AudiencesData, notes: Notes
) -> Panel:
    days = {name: day for name, day, _ in data.sizes}
    about = {note.name: note for note in notes.config.audiences}
    persons = notes.totals.get("persons", 0)
    rows = tuple(
        (
            name,
            about[name].description if name in about else "",
            fmt.count(sizes[name]),
            fmt.share(sizes[name], persons),
            *((_changed(sizes[name], data.earlier.get(name)),) if data.earlier else ()),
            fmt.day(days[name], beside=notes.day) if name in days else "",
        )
        for name in order
    )
    empty = sum(1 for name in order if not sizes[name])
    summary = f"Nobody is in {fmt.count(empty)} of {fmt.plural(len(order), 'audience')}."
    if not empty:
        summary = "Every audience holds somebody."
    change = ("Change",) if data.earlier else ()
    head = ("Audience", "Who is in it", "Persons", "Of all", *change, "Day")
    return Panel("Who is in them", summary, grid=Grid(head, rows, text_columns=2), wide=True)


def _changed(now: int, earlier: tuple[date, int] | None) -> str:
    return fmt.since(now, earlier[1], fmt.day(earlier[0], beside=earlier[0])) if earlier else ""


def _overlap(
    order: list[str], sizes: dict[str, int], overlaps: Mapping[tuple[str, str], int]
) -> Panel:
    compared = order[:MOST_COMPARED]

    def both(a: str, b: str) -> int:
        return overlaps.get((min(a, b), max(a, b)), 0)

    pairs = [(a, b) for a in compared for b in compared if a != b]
    a, b = max(pairs, key=lambda pair: (both(*pair) / sizes[pair[0]], pair))
    summary = (
        f"Each row tells which share of an audience is also in the others; "
        f"{fmt.share(both(a, b), sizes[a])} of {fmt.label(a)} are in {fmt.label(b)} "
        f"({fmt.plural(both(a, b), 'person')})."
    )
    rows = tuple(
        (
            fmt.label(name),
            fmt.count(sizes[name]),
            *(
                "" if name == beside else fmt.share(both(name, beside), sizes[name])
                for beside in compared
            ),
        )
        for name in compared
    )
    shades = tuple(
        (None, None, *(None if n == o else both(n, o) / sizes[n] for o in compared))
        for n in compared
    )
    head = ("Of \u2193  also in \u2192", "Persons", *(fmt.label(name, 22) for name in compared))
    grid = Grid(head, rows, shades=shades)
    return Panel("How audiences overlap", summary, grid=grid, wide=True)
