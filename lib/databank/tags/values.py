"""Tags as columns of a frame of persons, and these columns as rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, functions as F

from databank.dag import Dag
from databank.tags.base import TagBase


def with_tags(
    frame: DataFrame,
    tags: Iterable[TagBase],
    aggregates: dict[str, list[Any]] | None = None,
) -> DataFrame:
    """Add a column per tag, those that are made of other tags after these.

    Aggregates over the frame give the thresholds of all percentiles of a level (a caller who
    has such tags keeps the frame in memory); the rest is a projection.

    Args:
        frame: person_id (unique), and all macros, other tags and inputs that the tags refer to.
        tags: Tags to add; they may refer to each other.
        aggregates: What tags needed to know of all persons is put into it, by tag.

    Returns:
        The frame and per tag its name: boolean (never null), double (0 where a count is nothing,
        else null), date or string (null = unknown).

    Raises:
        ValueError: If tags refer to each other in a circle.
    """
    by_name = {tag.name: tag for tag in tags}
    known = {} if aggregates is None else aggregates
    for names in Dag({name: tag.references for name, tag in by_name.items()}).levels():
        level = [by_name[name] for name in names]
        known |= _aggregated(frame, level)
        frame = frame.withColumns({tag.name: tag.column(known[tag.name]) for tag in level})
    return frame


def _aggregated(frame: DataFrame, tags: Sequence[TagBase]) -> dict[str, list[Any]]:
    """Compute what some tags need to know of all persons; a job a round, none if none does."""
    values: dict[str, list[Any]] = {tag.name: [] for tag in tags}
    while True:
        wanted = {tag.name: tag.aggregate(values[tag.name]) for tag in tags}
        columns = [column.alias(name) for name, column in wanted.items() if column is not None]
        row = frame.agg(*columns).first() if columns else None
        if row is None:
            return values
        for name, value in row.asDict().items():
            values[name].append(value)


def tag_rows(wide: DataFrame, tags: Sequence[TagBase]) -> DataFrame:
    """Turn the wide frame long: a row where the tag has a value.

    Args:
        wide: person_id and the columns of `with_tags`.
        tags: The tags to write.

    Returns:
        person_id, tag, value_string, value_double, value_date; no row for a yes/no tag that is
        not, a count of 0, a null.
    """
    entries = F.array_compact(F.array(*(_entry(tag) for tag in tags)))
    return wide.select("person_id", F.inline(entries))


def _entry(tag: TagBase) -> Column:
    column, score = F.col(tag.name), tag.score()
    has_value = column.isNotNull()
    text, day = F.lit(None).cast("string"), F.lit(None).cast("date")
    number = F.lit(None).cast("double") if score is None else score
    if tag.type == "boolean":
        has_value, text = column, F.lit("true")
    elif tag.type == "text":
        text = column
    elif tag.type == "date":
        day = column
    else:
        number = column.cast("double")
        has_value = column != 0 if tag.type == "count" else has_value
    value = F.struct(
        F.lit(tag.name).alias("tag"),
        text.alias("value_string"),
        number.alias("value_double"),
        day.alias("value_date"),
    )
    return F.when(has_value, value)
