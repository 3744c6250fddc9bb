"""How many have each tag, and what the operator should look at."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window, functions as F

from databank.archive.tables import PERSON_DAY
from databank.errors import did_you_mean
from databank.expressions.macros import ANY_EVENT
from databank.runs import Context
from databank.tables import TableSpec
from databank.tags.base import TagBase
from databank.tags.describe import macros_of

_SHARES = (0.1, 0.5, 0.9)
_FEW_VALUES = 20  # of a text: more are no kinds of person, and may be names
_POWERS = 10  # of ten, that numbers are told apart by
_LARGEST = 10.0 ** (_POWERS - 2)
_LEAST_PERSONS = 5  # who have a value that is written down: of fewer it may tell who they are


def record_coverage(context: Context, tags: list[TagBase], table: TableSpec) -> dict[str, int]:
    """Note in ops.metric how the values of tags are spread; returns how many have each.

    By tag: tag_coverage (how many have it), tag_mean (of numbers), tag_quantile (of numbers, and
    of days as days before the run day; label share: 0.1, 0.5, 0.9), tag_different (how many
    different texts) and tag_value (how many have each text, label is; not where there are many, or
    few have it: these may be names). Cost: one scan of the tags' rows and one aggregate.
    """
    counts: dict[str, int] = {}
    texts = {tag.name for tag in tags if tag.type != "boolean"}
    # one row per tag
    for row in value_distribution(_rows_of(context, tags, table)).collect():
        tag = row["tag"]
        counts[tag] = row["persons"]
        context.metric("tag_coverage", row["persons"], tag=tag)
        if row["mean"] is not None:
            context.metric("tag_mean", row["mean"], tag=tag)
        for share, value in zip(_SHARES, row["quantiles"], strict=True):
            if value is not None:
                context.metric("tag_quantile", value, tag=tag, share=str(share))
        if tag in texts and row["different"]:
            context.metric("tag_different", row["different"], tag=tag)
            for value, n in row["values"] if row["different"] <= _FEW_VALUES else ():
                if n >= _LEAST_PERSONS:
                    context.metric("tag_value", n, tag=tag, **{"is": value})
    for tag in sorted({tag.name for tag in tags} - counts.keys()):
        counts[tag] = 0
        context.metric("tag_coverage", 0, tag=tag)
    return counts


def value_distribution(rows: DataFrame) -> DataFrame:
    """Summarise how the values of tags are spread.

    Args:
        rows: tag, value_string, value_double, value_date, as_of.

    Returns:
        One row per tag: tag, persons (who have it), mean (of numbers; null without any), quantiles
        (array<double>: of numbers, and of days before as_of, to two digits; nulls for texts),
        different (texts), values (its most frequent texts: array of structs of value and n).
    """
    number = F.coalesce("value_double", F.date_diff("as_of", "value_date").cast("double"))
    # the number beside a text says how sure it is
    about = F.when(F.col("value_string").isNull(), _two_digits(number))
    # a sketch of quantiles took ten times as long as these sums
    cells = rows.groupBy("tag", F.col("value_string").alias("value"), about.alias("about")).agg(
        F.count("*").alias("n"),
        F.count("value_double").alias("numbers"),
        F.sum("value_double").alias("sum"),
    )
    tag = Window.partitionBy("tag")
    numbered = F.when(F.col("about").isNotNull(), F.col("n"))
    placed = cells.select(
        *("tag", "value", "about", "n", "numbers", "sum"),
        F.sum(numbered).over(tag.orderBy("about")).alias("so_far"),
        F.sum(numbered).over(tag).alias("of"),
        F.row_number().over(tag.orderBy(F.desc("n"), "value")).alias("place"),
    )
    frequent = (F.col("place") <= _FEW_VALUES) & F.col("value").isNotNull()
    reached = [F.col("so_far") >= F.col("of") * share for share in _SHARES]
    return placed.groupBy("tag").agg(
        F.sum("n").alias("persons"),
        F.try_divide(F.sum("sum"), F.sum("numbers")).alias("mean"),
        F.array(*(F.min(F.when(here, F.col("about"))) for here in reached)).alias("quantiles"),
        F.count("value").alias("different"),
        F.sort_array(F.collect_list(F.when(frequent, F.struct("value", "n")))).alias("values"),
    )


def _two_digits(number: Column) -> Column:
    """Round a number to two digits that count, and to hundredths.

    Comparisons with powers of ten: logarithms of all rows took longer than the rest.
    """
    rounded = F.rint(number / _LARGEST) * _LARGEST
    for power in range(_POWERS - 1, -1, -1):
        unit = 10.0 ** (power - 2)
        rounded = F.when(F.abs(number) < 10.0**power, F.rint(number / unit) * unit).otherwise(
            rounded
        )
    return rounded


def count_by_tag(context: Context, tags: list[TagBase], table: TableSpec) -> dict[str, int]:
    """Count by tag how many have it."""
    # one row per tag
    rows = _rows_of(context, tags, table).groupBy("tag").count().collect()
    return {row["tag"]: row["count"] for row in rows}


def _rows_of(context: Context, tags: list[TagBase], table: TableSpec) -> DataFrame:
    rows = context.store.read(table)
    return rows.where(F.col("tag").isin(sorted(tag.name for tag in tags)))


def alarms(
    context: Context,
    tags: list[TagBase],
    before: Mapping[str, int],
    now: Mapping[str, int],
) -> dict[str, str]:
    """Report tags that many more or fewer have than before; a new one has no before."""
    reports: dict[str, str] = {}
    for tag in tags:
        was = before.get(tag.name, 0)
        if tag.alarm is None or not was:
            continue
        share = now[tag.name] / was - 1
        context.metric("tag_coverage_moved", share, tag=tag.name)
        if abs(share) > tag.alarm:
            reports[f"alarm: {tag.name}"] = (
                f"{now[tag.name]:,} have it, {was:,} before ({share:+.0%})"
            )
    return reports


def warn_empty(context: Context, tags: list[TagBase], now: Mapping[str, int]) -> dict[str, str]:
    """Report tags that nobody has, and why where the bank does not know their event."""
    silent = {tag.name: tag for tag in tags if not now[tag.name]}
    reports = {f"nobody has: {name}": tag.if_empty for name, tag in silent.items()}
    events_of = {name: _events(tag) for name, tag in silent.items()}
    if any(events_of.values()):
        # a few dozen names; the archive's files tell them without the rest of its columns
        rows = context.store.read(PERSON_DAY).select("event").distinct().collect()
        known = {row["event"] for row in rows}
        for name, events in events_of.items():
            for event in sorted(events - known):
                reports[f"nobody has: {name}"] = f"no event {event!r}; {did_you_mean(event, known)}"
    return reports


def _events(tag: TagBase) -> set[str]:
    events = {macro.event for macro in macros_of(tag.expressions) if macro.event}
    return events - {ANY_EVENT}
