"""Section on tags: how many have each, how that changed, how values are spread, who uses it."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, Row, Window, functions as F

from databank.reports import charts, format as fmt
from databank.reports.config import NoteConfig, ReportConfig
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection
from databank.reports.sections.figures import described

MOST_TAGS = 300
FEWEST_PERSONS = 5  # a value of fewer persons is not shown by itself
_TAGS_DRAWN = 15
_USERS_NAMED = 3
_WORDED, _NUMERIC = 4, 2  # tags whose distribution is drawn
_BINS = 8
_DAYS = 2  # the newest is the day of the values that are published

Measured = dict[str, list[tuple[date, int]]]


@dataclass(frozen=True)
class TagCoverage:
    """One tag: persons who have it, and its numbers from the 10th to the 90th percentile.

    A tag of words may carry a number, such as the probability of the word: it has no percentiles
    here. `entity` is empty for persons' tags; of a household's, `persons` counts households.
    `denied` are those for whom a yes/no tag says no, who are not among `persons`. `earlier` is how
    many had it on the run day before, None if it was not measured then or measured otherwise.
    """

    tag: str
    persons: int
    labels: int
    low: float | None
    median: float | None
    high: float | None
    entity: str = ""
    earlier: int | None = None
    denied: int = 0


@dataclass(frozen=True)
class TagsData:
    """Tags of persons and of entities, and (tag, value, persons) of a few tags."""

    tags: tuple[TagCoverage, ...] = ()
    entity_tags: tuple[TagCoverage, ...] = ()
    values: tuple[tuple[str, str, int], ...] = ()


class Tags(ReportSection[TagsData]):
    """Which tags reach whom."""

    key = "tags"
    title = "Tags"
    tables = ("tags.person_tag", "tags.entity_tag", "ops.metric", "ops.run")
    needs = ("tags.person_tag",)
    filled_by = "build_tags"

    def collect(self, reader: Reader) -> TagsData:
        """Count persons by tag now and on the run day before, and the values of a few tags."""
        rows = reader.table("tags.person_tag")
        if rows is None:
            return TagsData()
        earlier = _measured_coverage(reader)
        tags = _coverage(rows.withColumn("entity", F.lit("")), earlier)
        of_entities = reader.table("tags.entity_tag")
        entity_tags = () if of_entities is None else _coverage(of_entities, earlier)
        return TagsData(tags, entity_tags, _count_values(rows, tags))

    def is_wanted(self, config: ReportConfig) -> bool:
        """Say whether conf/tags has any."""
        return bool(config.tags)

    def draw(self, data: TagsData, notes: Notes) -> Section | None:
        """Draw the reach of the tags with what they mean, and how a few are distributed."""
        if not data.tags:
            return None
        about = {note.name: note for note in notes.config.tags}
        persons = notes.totals.get("persons") or max(t.persons for t in data.tags)
        wide = sum(t.persons >= persons / 2 for t in data.tags)
        summary = (
            f"{fmt.plural(len(data.tags), 'tag')} describe {fmt.plural(persons, 'person')}; "
            f"{fmt.count(wide)} of them reach at least half."
        )
        panels = (
            _top_tags(data.tags[:_TAGS_DRAWN], persons),
            *_distributions(data, about),
            _tag_table(data, about, notes, persons),
        )
        return self.section(summary, panels)


def _coverage(rows: DataFrame, measured: Measured) -> tuple[TagCoverage, ...]:
    shares = F.array(F.lit(0.1), F.lit(0.5), F.lit(0.9))
    text = F.col("value_string")
    # the number beside a word is no value of the tag: it tells how sure or how much
    spread = F.percentile_approx(F.when(text.isNull(), F.col("value_double")), shares)
    no = F.count_if(text == "false")
    yes_or_no = F.bool_and(text.isNotNull() & text.isin("true", "false"))
    denied = F.when(yes_or_no, no).otherwise(0)
    counts = (
        rows.groupBy("entity", "tag")
        .agg(
            (F.count("*") - denied).alias("persons"),  # a person has a tag once
            F.approx_count_distinct("value_string").alias("labels"),
            spread.alias("spread"),
            denied.alias("denied"),
            F.max("as_of").alias("as_of"),
        )
        .orderBy(F.desc("persons"), "tag")
        .limit(MOST_TAGS)
        .collect()
    )

    def coverage(row: Row) -> TagCoverage:
        before = (n for day, n in measured.get(row["tag"], ()) if day < row["as_of"])
        low, median, high = row["spread"] or (None,) * 3
        figures = (row["persons"], row["labels"], low, median, high)
        # what was measured counts those with a value, be it no
        earlier = None if row["denied"] else next(before, None)
        return TagCoverage(row["tag"], *figures, row["entity"], earlier, row["denied"])

    return tuple(map(coverage, counts))


def _measured_coverage(reader: Reader) -> Measured:
    """Read how many had each tag on the last two days on which it was measured.

    By tag (run day, persons), newest first; of a day that was run twice the last run counts.

    One pass over ops.metric, with ops.run broadcast to it.
    """
    metrics, runs = reader.ledger("ops.metric"), reader.ledger("ops.run")
    if metrics is None or runs is None:
        return {}
    job, past = F.col("job") == "build_tags", F.col("day") <= F.lit(reader.day)
    coverage = metrics.where(job & past & (F.col("name") == "tag_coverage"))
    at = F.broadcast(runs.where(job).select("run_id", "started"))
    newest = Window.partitionBy("tag").orderBy(F.desc("day"))
    days = (
        coverage.join(at, "run_id")
        .groupBy(F.col("labels")["tag"].alias("tag"), "day")
        .agg(F.max_by("value", "started").alias("value"))
        .withColumn("place", F.row_number().over(newest))
        .where(F.col("place") <= _DAYS)
        .orderBy("tag", "place")
    )
    measured: Measured = defaultdict(list)
    # two rows a tag
    for row in days.collect():
        measured[row["tag"]].append((row["day"], int(row["value"])))
    return measured


@dataclass(frozen=True)
class _Bins:
    """Classes of equal, round width for one tag's numbers; the ends hold what lies beyond."""

    start: float
    width: float
    whole: bool  # numbers without a fraction: 6-7 instead of 6-8

    def column(self, value: Column) -> Column:
        number = F.floor((value - self.start) / self.width)
        return F.greatest(F.least(number, F.lit(_BINS - 1)), F.lit(0)).cast("string")

    def label(self, number: int, last: int) -> str:
        low = self.start + number * self.width
        high = low + self.width
        upto = high - 1 if self.whole else high
        if number == last:
            return f"{fmt.bound(low)}+"
        if number == 0 and low > 0:
            return f"<{fmt.bound(high)}"
        if self.whole and self.width == 1:
            return fmt.bound(low)
        return f"{fmt.bound(low)}\u2013{fmt.bound(upto)}"


def _bins(tag: TagCoverage) -> _Bins:
    low, high = tag.low or 0.0, tag.high or 0.0
    rough = (high - low) / (_BINS - 2)
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    whole = all(float(value).is_integer() for value in (low, tag.median or 0.0, high))
    width = max(width, 1.0) if whole else width
    return _Bins(math.floor(low / width) * width, width, whole)


def _count_values(rows: DataFrame, tags: Iterable[TagCoverage]) -> tuple[tuple[str, str, int], ...]:
    """Count persons by value: of tags with few values, and of numbers in classes."""
    tags = list(tags)
    worded = [t.tag for t in tags if 2 <= t.labels <= 12 and not t.denied and t.median is None]
    worded = worded[:_WORDED]
    numeric = [t for t in tags if t.low is not None and (t.high or 0.0) > t.low][:_NUMERIC]
    bins = {tag.tag: _bins(tag) for tag in numeric}
    if not worded and not bins:
        return ()
    label = F.col("value_string")
    for name, classes in bins.items():
        label = F.when(F.col("tag") == name, classes.column(F.col("value_double"))).otherwise(label)
    shown = rows.where(F.col("tag").isin([*worded, *bins])).groupBy("tag", label.alias("label"))
    sizes = shown.agg(F.count("*").alias("n")).where("label is not null")
    counted = [
        (r["tag"], r["label"], r["n"]) for r in sizes.orderBy(F.desc("n")).limit(300).collect()
    ]
    return tuple(
        row
        for name in [*worded, *bins]
        for row in _named(name, [c for c in counted if c[0] == name], bins.get(name))
    )


def _named(
    tag: str, counted: list[tuple[str, str, int]], bins: _Bins | None
) -> list[tuple[str, str, int]]:
    if bins is not None:
        numbers = {int(label): n for _, label, n in counted}
        last = max(numbers)
        return [(tag, bins.label(k, last), numbers.get(k, 0)) for k in range(last + 1)]
    often = [row for row in counted if row[2] >= FEWEST_PERSONS]
    rest = sum(n for *_, n in counted) - sum(n for *_, n in often)
    return [*often, (tag, "rarer values", rest)] if rest else often


def _top_tags(tags: tuple[TagCoverage, ...], persons: int) -> Panel:
    summary = (
        f"The widest is {fmt.label(tags[0].tag, 40)}: {fmt.plural(tags[0].persons, 'person')} "
        f"({fmt.share(tags[0].persons, persons)})."
    )
    texts = [fmt.share(t.persons, persons) for t in tags]
    hovers = [
        f"{text}, {fmt.plural(t.persons, 'person')}" for t, text in zip(tags, texts, strict=True)
    ]
    names, values = [t.tag for t in tags], [t.persons for t in tags]
    figure = charts.bars(names, values, texts, hovers=hovers, length=44)
    return Panel("Tags that reach the most persons", summary, figure, wide=True)


def _tag_table(data: TagsData, about: dict[str, NoteConfig], notes: Notes, persons: int) -> Panel:
    tags = (*data.tags, *data.entity_tags)
    owned = any(_note(tag.tag, about).owner for tag in tags)
    rows = []
    for tag in tags:
        note = _note(tag.tag, about)
        # a household's tag is a share of households
        whole = notes.totals.get(f"entity {tag.entity}", 0) if tag.entity else persons
        spread = ""
        if tag.median is not None:
            spread = f"{fmt.short_number(tag.low)} \u2013 {fmt.short_number(tag.high)}"
        middle = fmt.short_number(tag.median) if tag.median is not None else ""
        rows.append(
            (
                f"{tag.tag} ({tag.entity})" if tag.entity else tag.tag,
                note.description,
                *((note.owner,) if owned else ()),
                _users(note),
                fmt.share(tag.persons, whole),
                fmt.change(tag.persons, tag.earlier),
                f"{middle} {note.unit}".strip() if middle else _held(tag),
                spread,
            )
        )
    numbers = sum(t.median is not None for t in tags)
    summary = (
        f"{fmt.plural(numbers, 'tag')} of {fmt.count(len(tags))} hold numbers: half of those "
        "who have it lie below the median, four in five within the range."
    )
    if any(tag.earlier for tag in tags):
        summary += " Change is that of how many have it, since the run day before."
    texts = ("Tag", "What it tells", *(("Owner",) if owned else ()), "Used by")
    head = (*texts, "Reach", "Change", "Median or values", "Range")
    return Panel(
        "All tags", summary, grid=Grid(head, tuple(rows), text_columns=len(texts)), wide=True
    )


def _held(tag: TagCoverage) -> str:
    """Say what a tag without numbers holds."""
    if tag.denied:
        return f"yes; {fmt.count(tag.denied)} say no"
    return fmt.plural(tag.labels, "value") if tag.labels > 1 else ""


def _users(note: NoteConfig) -> str:
    """Name the first few that refer to a tag."""
    more = len(note.used_by) - _USERS_NAMED
    named = ", ".join(note.used_by[:_USERS_NAMED])
    return f"{named} +{more} more" if more > 0 else named


def _note(name: str, about: dict[str, NoteConfig]) -> NoteConfig:
    """Find a tag's note; the places of a top-k tag share the note of their tag."""
    base = re.sub(r"_\d+$", "", name)
    return about.get(name) or about.get(base) or NoteConfig(name=name)


def _distributions(data: TagsData, about: dict[str, NoteConfig]) -> tuple[Panel, ...]:
    panels = []
    for tag in dict.fromkeys(name for name, _, _ in data.values):
        counts = [(value, n) for name, value, n in data.values if name == tag]
        total = sum(n for _, n in counts)
        value, n = max(counts, key=lambda pair: pair[1])
        note = _note(tag, about)
        unit = f" {note.unit}" if note.unit else ""
        numeric = any(t.tag == tag and t.median is not None for t in data.tags)
        most = (
            f"The largest class is {value}{unit}"
            if numeric
            else f"The most frequent value is {value}"
        )
        summary = (
            f"{described(note)}{most}: {fmt.count(n)} of {fmt.plural(total, 'person')} "
            f"who have the tag ({fmt.share(n, total)})."
        )
        names, values = [v for v, _ in counts], [n for _, n in counts]
        if numeric:
            figure = charts.columns(names, values, title=note.unit)
        else:
            texts = [f"{fmt.count(v)} ({fmt.share(v, total)})" for v in values]
            figure = charts.bars(names, values, texts)
        panels.append(Panel(f"How {fmt.label(tag, 40)} is distributed", summary, figure))
    return tuple(panels)
