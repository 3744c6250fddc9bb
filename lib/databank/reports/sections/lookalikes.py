"""Section on lookalikes: gain on hidden seeds, and persons by level."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import functions as F

from databank.reports import charts, format as fmt
from databank.reports.config import NoteConfig, ReportConfig
from databank.reports.page import Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection
from databank.reports.sections.figures import described


@dataclass(frozen=True)
class Lookalike:
    """One lookalike on its newest day.

    curve: (share of persons, share of hidden seeds among them, lift); levels: (level, persons).
    """

    name: str
    day: date | None
    curve: tuple[tuple[float, float, float], ...]
    levels: tuple[tuple[str, int], ...]


class Lookalikes(ReportSection[tuple[Lookalike, ...]]):
    """Who resembles the seeds, and how well that was ranked."""

    key = "lookalike"
    title = "Lookalikes"
    tables = ("lookalike.member", "lookalike.gain")
    needs = ("lookalike.member", "lookalike.gain")
    filled_by = "expand_lookalike"

    def collect(self, reader: Reader) -> tuple[Lookalike, ...]:
        """Read the gain on hidden seeds and persons by level, each on its newest day."""
        gains, members = reader.table("lookalike.gain"), reader.table("lookalike.member")
        curves: dict[str, list[tuple[float, float, float]]] = {}
        levels: dict[str, list[tuple[str, int]]] = {}
        days: dict[str, date] = {}
        if gains is not None:
            values = [F.col(name).cast("double") for name in ("share", "recall", "lift")]
            rows = reader.newest_of_each(gains, "name").select("name", "day", *values)
            for name, day, *point in rows.orderBy("name", "share").limit(2000).collect():
                curves.setdefault(name, []).append((point[0], point[1], point[2]))
                days[name] = day
        if members is not None:
            levelled = reader.newest_of_each(members, "name").groupBy("name", "day", "level")
            sums = levelled.agg(F.count("*").alias("n"), F.min("rank").alias("first"))
            for row in sums.orderBy("name", "first").limit(300).collect():
                level = row["level"] or "beyond all levels"
                levels.setdefault(row["name"], []).append((level, row["n"]))
                days[row["name"]] = row["day"]
        return tuple(
            Lookalike(name, day, tuple(curves.get(name, ())), tuple(levels.get(name, ())))
            for name, day in sorted(days.items())
        )

    def is_wanted(self, config: ReportConfig) -> bool:
        """Say whether conf/lookalikes has any."""
        return bool(config.lookalikes)

    def draw(self, data: tuple[Lookalike, ...], notes: Notes) -> Section | None:
        """Draw for each lookalike its curve and its levels."""
        if not data:
            return None
        persons = sum(n for lookalike in data for _, n in lookalike.levels)
        summary = (
            f"{fmt.plural(persons, 'person')} found who resemble the seeds of "
            f"{fmt.plural(len(data), 'lookalike')}."
        )
        about = {note.name: note for note in notes.config.lookalikes}
        drawn = (_lookalike(lookalike, about.get(lookalike.name)) for lookalike in data)
        return self.section(summary, tuple(panel for panels in drawn for panel in panels))


def _lookalike(lookalike: Lookalike, note: NoteConfig | None) -> list[Panel]:
    panels = []
    about = described(note) if note else ""
    name = fmt.label(lookalike.name, 40)
    if lookalike.curve:
        share, gain, lift = min(lookalike.curve, key=lambda p: abs(p[0] - 0.1))
        summary = (
            f"{about}Among the best {fmt.share(share, 1)} of the persons are "
            f"{fmt.share(gain, 1)} of the hidden seeds: {fmt.number(lift)} times chance."
        )
        points = sorted({(0.0, 0.0), *((s, f) for s, f, _ in lookalike.curve)})
        xs, ys = [x for x, _ in points], [y for _, y in points]
        titles = ("share of persons, most alike first", "share of hidden seeds found")
        figure = charts.curves(
            {lookalike.name: (xs, ys)}, titles=titles, beside="chance", diagonal=max(xs)
        )
        panels.append(Panel(f"Hidden seeds found by {name}", summary, figure))
    if lookalike.levels:
        total = sum(n for _, n in lookalike.levels)
        level, n = lookalike.levels[0]
        summary = (
            f"{fmt.count(n)} of {fmt.plural(total, 'person')} ({fmt.share(n, total)}) are "
            f"in the first level, {level}."
        )
        names, values = [text for text, _ in lookalike.levels], [n for _, n in lookalike.levels]
        quiet = frozenset({"beyond all levels"})
        figure = charts.bars(names, values, [fmt.count(n) for n in values], quiet=quiet)
        panels.append(Panel(f"Persons by level of {name}", summary, figure))
    return panels
