"""How many have each tag, and what of it somebody should look at."""

from collections.abc import Mapping

from pyspark.sql import functions as F

from databank.archive.tables import PERSON_DAY
from databank.errors import did_you_mean
from databank.expressions.macros import ANY_EVENT
from databank.runs import Context
from databank.tables import TableSpec
from databank.tags.config import TagConfig

_REMEDIES = {
    "measure": "check its event, its window and its filter",
    "top": "check its event, its window and its dimension",
    "preference": "no share is so much larger than others' that it cannot be chance",
    "attribute": "no profile says it; check its attribute and its sources",
    "national_id": "no profile says a valid number; check its attribute and its format",
    "lookup": "no value of the tag it looks up is in its table",
    "sql": "its select gives no person",
    "model": "nobody has a score; score_model comes before",
    "probability": "nobody has a score; score_model comes before",
}


def measured(context: Context, tags: list[TagConfig], table: TableSpec) -> dict[str, int]:
    """Note how many have each tag, and the mean of numbers; returns how many."""
    found = counted(context, tags, table)
    for tag in tags:
        persons, mean = found.get(tag.name, (0, None))
        context.metric("tag_coverage", persons, tag=tag.name)
        if mean is not None:
            context.metric("tag_mean", mean, tag=tag.name)
    return {tag.name: found.get(tag.name, (0, None))[0] for tag in tags}


def counted(
    context: Context, tags: list[TagConfig], table: TableSpec
) -> dict[str, tuple[int, float | None]]:
    """By tag: how many have it, and the mean of a number."""
    rows = context.store.read(table).where(F.col("tag").isin(sorted(tag.name for tag in tags)))
    figures = rows.groupBy("tag").agg(F.count("*").alias("n"), F.avg("value_double").alias("m"))
    # one row per tag
    return {row["tag"]: (row["n"], row["m"]) for row in figures.collect()}


def alarms(
    context: Context,
    tags: list[TagConfig],
    before: Mapping[str, tuple[int, float | None]],
    now: Mapping[str, int],
) -> dict[str, str]:
    """Tell of tags that many more or fewer have than before; a new one has no before."""
    told: dict[str, str] = {}
    for tag in tags:
        was = before.get(tag.name, (0, None))[0]
        if tag.alarm is None or not was:
            continue
        share = now[tag.name] / was - 1
        context.metric("tag_coverage_moved", share, tag=tag.name)
        if abs(share) > tag.alarm:
            told[f"alarm: {tag.name}"] = f"{now[tag.name]:,} have it, {was:,} before ({share:+.0%})"
    return told


def unheard_of(context: Context, tags: list[TagConfig], now: Mapping[str, int]) -> dict[str, str]:
    """Tell of tags that nobody has, and why where the bank does not know their event."""
    silent = {tag.name: tag for tag in tags if not now[tag.name]}
    told = {
        f"nobody has: {name}": _REMEDIES.get(tag.kind, "its condition holds for nobody")
        for name, tag in silent.items()
    }
    asked = {name: _events(tag) for name, tag in silent.items()}
    if any(asked.values()):
        # a few dozen names; the archive's files tell them without the rest of its columns
        rows = context.store.read(PERSON_DAY).select("event").distinct().collect()
        known = {row["event"] for row in rows}
        for name, events in asked.items():
            for event in sorted(events - known):
                told[f"nobody has: {name}"] = f"no event {event!r}; {did_you_mean(event, known)}"
    return told


def _events(tag: TagConfig) -> set[str]:
    macros = (macro for each in tag.expressions for macro in each.macros)
    return {macro.event for macro in macros if macro.event} - {ANY_EVENT}
