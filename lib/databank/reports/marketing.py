"""Collect what marketing works with: stages, RFM, tags, models, lookalikes, audiences."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame, Row, functions as F

from databank.reports.facts import Flow, LiftBand, Lookalike, ModelCard, RfmCell, TagReach
from databank.reports.reach import Measured, measured_reach
from databank.reports.reader import Reader

MOST_TAGS = 300
MOST_COMPARED = 16  # audiences in the overlap matrix, the largest
FEWEST_PERSONS = 5  # a value of fewer persons is not shown by itself
_WORDY, _NUMERIC = 4, 2  # tags whose distribution is drawn
_BINS = 8


def collect_lifecycle(reader: Reader) -> dict[str, Any]:
    """Persons by stage on the newest day, and the flow that ends there."""
    facts: dict[str, Any] = {}
    stages, day = reader.newest("lifecycle.stage")
    if stages is not None:
        found = stages.groupBy(_known("stage")).count().collect()
        facts |= {"stage_day": day, "stages": {row["stage"]: row["count"] for row in found}}
    flow, day_to = reader.newest("lifecycle.flow", column="day_to")
    if flow is not None and day_to is not None:
        cells = (
            flow.groupBy("day_from", _known("stage_from"), _known("stage_to"))
            .agg(F.sum("persons").alias("persons"))
            .orderBy("day_from")
            .limit(400)
            .collect()
        )
        # several spans may end on this day: the longest tells most
        since = cells[0]["day_from"]
        moves = {
            (row["stage_from"], row["stage_to"]): row["persons"]
            for row in cells
            if row["day_from"] == since and row["persons"]
        }
        facts["flow"] = Flow(since, day_to, moves)
    return facts


def collect_rfm(reader: Reader) -> dict[str, Any]:
    """Persons, money, recency and frequency by R, F and segment on the newest day."""
    rows, day = reader.newest("lifecycle.rfm")
    if rows is None:
        return {}
    found = rows.groupBy("r", "f", _known("segment")).agg(
        F.count("*").alias("persons"),
        F.sum("monetary").alias("money"),
        F.avg("recency_days").alias("recency"),
        F.avg("frequency").alias("frequency"),
    )
    cells = found.where("r is not null and f is not null").orderBy("r", "f", "segment").limit(400)
    return {"rfm_day": day, "rfm": tuple(RfmCell(*row) for row in cells.collect())}


def collect_tags(reader: Reader) -> dict[str, Any]:
    """Persons by tag now and on the run day before, and the values of a few tags."""
    rows = reader.table("tags.person_tag")
    if rows is None:
        return {}
    earlier = measured_reach(reader)
    tags = _reach(rows.withColumn("entity", F.lit("")), earlier)
    others = reader.table("tags.entity_tag")
    entity_tags = () if others is None else _reach(others, earlier)
    return {"tags": tags, "entity_tags": entity_tags, "tag_values": _tag_values(rows, tags)}


def _reach(rows: DataFrame, measured: Measured) -> tuple[TagReach, ...]:
    shares = F.array(F.lit(0.1), F.lit(0.5), F.lit(0.9))
    spread = F.percentile_approx("value_double", shares)
    found = (
        rows.groupBy("entity", "tag")
        .agg(
            F.count("*").alias("persons"),  # a person has a tag once
            F.approx_count_distinct("value_string").alias("labels"),
            spread.alias("spread"),
            F.max("as_of").alias("as_of"),
        )
        .orderBy(F.desc("persons"), "tag")
        .limit(MOST_TAGS)
        .collect()
    )

    def reach(row: Row) -> TagReach:
        before = (n for day, n in measured.get(row["tag"], ()) if day < row["as_of"])
        low, median, high = row["spread"] or (None,) * 3
        figures = (row["persons"], row["labels"], low, median, high)
        return TagReach(row["tag"], *figures, entity=row["entity"], earlier=next(before, None))

    return tuple(map(reach, found))


def collect_models(reader: Reader) -> dict[str, Any]:
    """The champion of each model (else the newest version), its lift and persons scored."""
    trained, lifted, scored = (
        reader.table(f"models.{name}") for name in ("training", "lift", "score")
    )
    if trained is None:
        return {}
    past = trained.where(F.col("trained_day") <= F.lit(reader.day))
    runs = past.orderBy(F.desc("trained_day"), F.desc("version")).limit(500).collect()
    chosen = {row["model"]: row for row in reversed(runs)}  # the newest wins
    newest = dict(chosen)
    chosen |= {row["model"]: row for row in reversed(runs) if row["outcome"] == "champion"}
    bands = _bands(lifted, {name: row["version"] for name, row in chosen.items()})
    counts: dict[str, int] = {}
    if scored is not None:
        found = scored.where(F.col("as_of") <= F.lit(reader.day)).groupBy("model").count()
        counts = {row["model"]: row["count"] for row in found.collect()}
    return {
        "models": tuple(
            ModelCard(
                model=name,
                version=row["version"],
                trained=row["trained_day"],
                outcome=row["outcome"],
                algorithm=row["algorithm"] or "",
                holdout=row["holdout"] or 0,
                base_rate=row["base_rate"],
                auc=row["auc"],
                calibration_error=row["ece"],
                refused_on=None if newest[name] is row else newest[name]["trained_day"],
                scored=counts.get(name, 0),
                bands=bands.get(name, ()),
            )
            for name, row in sorted(chosen.items())
        )
    }


def collect_lookalikes(reader: Reader) -> dict[str, Any]:
    """Gain on hidden seeds and persons by level, each on its newest day."""
    gains, members = reader.table("lookalike.gain"), reader.table("lookalike.member")
    curves: dict[str, list[tuple[float, float, float]]] = {}
    levels: dict[str, list[tuple[str, int]]] = {}
    days: dict[str, date] = {}
    if gains is not None:
        values = [F.col(name).cast("double") for name in ("share", "found", "lift")]
        rows = _newest_of(gains, "name", reader.day).select("name", "day", *values)
        for name, day, *point in rows.orderBy("name", "share").limit(2000).collect():
            curves.setdefault(name, []).append((point[0], point[1], point[2]))
            days[name] = day
    if members is not None:
        levelled = _newest_of(members, "name", reader.day).groupBy("name", "day", "level")
        sums = levelled.agg(F.count("*").alias("n"), F.min("rank").alias("first"))
        for row in sums.orderBy("name", "first").limit(300).collect():
            level = row["level"] or "beyond all levels"
            levels.setdefault(row["name"], []).append((level, row["n"]))
            days[row["name"]] = row["day"]
    return {
        "lookalikes": tuple(
            Lookalike(name, day, tuple(curves.get(name, ())), tuple(levels.get(name, ())))
            for name, day in sorted(days.items())
        )
    }


def collect_audiences(reader: Reader) -> dict[str, Any]:
    """Sizes on each audience's newest day, and exact counts of persons in both of a pair."""
    rows = reader.table("audiences.member")
    if rows is None:
        return {}
    current = _newest_of(rows, "audience", reader.day).select("audience", "day", "person_id")
    counted = current.groupBy("audience", "day").agg(F.count("*").alias("n"))
    sizes = counted.orderBy(F.desc("n"), "audience").limit(300).collect()
    compared = [row["audience"] for row in sizes[:MOST_COMPARED]]
    return {
        "audiences": tuple((row["audience"], row["day"], row["n"]) for row in sizes),
        "overlaps": _overlaps(current, compared) if len(compared) > 1 else {},
    }


def _known(name: str) -> Column:
    return F.coalesce(F.col(name), F.lit("none")).alias(name)


def _newest_of(rows: DataFrame, name: str, day: date) -> DataFrame:
    """Rows of the newest day of each name up to the run day."""
    past = rows.where(F.col("day") <= F.lit(day))
    newest = past.groupBy(name).agg(F.max("day").alias("day"))
    return past.join(F.broadcast(newest), [name, "day"])


def _bands(lifted: DataFrame | None, versions: dict[str, int]) -> dict[str, tuple[LiftBand, ...]]:
    """Deciles of the hold-out of the chosen versions, best first."""
    if lifted is None or not versions:
        return {}
    chosen = F.lit(False)
    for model, version in versions.items():
        chosen = chosen | ((F.col("model") == model) & (F.col("version") == version))
    rows = lifted.where(chosen & (F.col("sample") == "holdout"))
    rows = rows.select("model", "decile", "n", "positives", "gain", "lift")
    made: dict[str, tuple[LiftBand, ...]] = {}
    for model, *band in rows.orderBy("model", "decile").limit(2000).collect():
        made[model] = (*made.get(model, ()), LiftBand(*band))
    return made


def _overlaps(current: DataFrame, names: list[str]) -> dict[tuple[str, str], int]:
    """Persons by their set of audiences first: pairs are made from sets, not from persons."""
    sets = (
        current.where(F.col("audience").isin(names))
        .groupBy("person_id")
        .agg(F.array_sort(F.collect_set("audience")).alias("names"))
        .groupBy("names")
        .agg(F.count("*").alias("n"))
    )
    one = sets.select(F.explode("names").alias("a"), "names", "n")
    pairs = one.select("a", F.explode("names").alias("b"), "n").where("a < b")
    found = pairs.groupBy("a", "b").agg(F.sum("n").alias("n")).collect()
    return {(row["a"], row["b"]): row["n"] for row in found}


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
            return f"{low:,g}+"
        if number == 0 and low > 0:
            return f"<{high:,g}"
        return f"{low:,g}" if self.whole and self.width == 1 else f"{low:,g}\u2013{upto:,g}"


def _bins(tag: TagReach) -> _Bins:
    low, high = tag.low or 0.0, tag.high or 0.0
    rough = (high - low) / (_BINS - 2)
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    whole = all(float(value).is_integer() for value in (low, tag.median or 0.0, high))
    width = max(width, 1.0) if whole else width
    return _Bins(math.floor(low / width) * width, width, whole)


def _tag_values(rows: DataFrame, tags: Iterable[TagReach]) -> tuple[tuple[str, str, int], ...]:
    """Persons by value: of tags with a few words, and of numbers in classes of round width."""
    tags = list(tags)
    wordy = [t.tag for t in tags if 2 <= t.labels <= 12 and t.median is None][:_WORDY]
    numeric = [t for t in tags if t.low is not None and (t.high or 0.0) > t.low][:_NUMERIC]
    bins = {tag.tag: _bins(tag) for tag in numeric}
    if not wordy and not bins:
        return ()
    label = F.col("value_string")
    for name, classes in bins.items():
        label = F.when(F.col("tag") == name, classes.column(F.col("value_double"))).otherwise(label)
    shown = rows.where(F.col("tag").isin([*wordy, *bins])).groupBy("tag", label.alias("label"))
    found = shown.agg(F.count("*").alias("n")).where("label is not null")
    counted = [
        (r["tag"], r["label"], r["n"]) for r in found.orderBy(F.desc("n")).limit(300).collect()
    ]
    return tuple(
        row
        for name in [*wordy, *bins]
        for row in _named(name, [c for c in counted if c[0] == name], bins.get(name))
    )


def _named(
    tag: str, counted: list[tuple[str, str, int]], bins: _Bins | None
) -> list[tuple[str, str, int]]:
    if bins is not None:
        numbers = {int(label): n for _, label, n in counted}
        last = max(numbers)
        return [(tag, bins.label(k, last), numbers.get(k, 0)) for k in range(last + 1)]
    shown = [row for row in counted if row[2] >= FEWEST_PERSONS]
    rest = sum(n for *_, n in counted) - sum(n for *_, n in shown)
    return [*shown, (tag, "rarer values", rest)] if rest else shown
