"""What a tag would be on a day: built as a run would build it, and not published."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame, functions as F

from databank.runs import Context, Runner, StepResult
from databank.tags.base import TagBase
from databank.tags.build import JOB, build_tags
from databank.tags.library import TagsConfig
from databank.tags.tables import ENTITY_TAG, PERSON_TAG

Rows = list[dict[str, Any]]
_MOST_EXAMPLES = 10
_MOST_VALUES = 10


@dataclass(frozen=True)
class TagPreview:
    """What a build of a tag gave.

    Attributes:
        coverage: How many have it, and figures of its values: as published, and as it would be.
        frequent: The most frequent texts, and how many have each.
        examples: Some who would have it.
        unpublished: Tags that it is made of and that nobody has as they are published.
    """

    coverage: Rows
    frequent: Rows
    examples: Rows
    unpublished: list[str]


def preview_tag(
    runner: Runner,
    config: TagsConfig,
    tag: TagBase,
    *,
    made_of: Sequence[TagBase],
    day: date,
    config_hash: str,
) -> TagPreview:
    """Build a tag as `run build_tags --only` would, measure it, and publish nothing.

    Args:
        runner: Of the bank.
        config: The library of tags.
        tag: The tag.
        made_of: Tags that it is made of; they are read as they are published.
        day: Run day.
        config_hash: Of the library.

    Raises:
        DataBankError: If the run ends with an error of the operator's.
    """
    previews: list[TagPreview] = []

    def build_and_measure(context: Context, config: TagsConfig) -> StepResult:
        table = tag.subject.pick(PERSON_TAG, ENTITY_TAG)
        published = context.store.read(table)
        result = build_tags(context, config)
        rebuilt = context.store.read(table)
        previews.append(_measured(published, rebuilt, tag, made_of))
        return result

    outcome = runner.run(
        replace(JOB, step=build_and_measure),
        config,
        day=day,
        config_hash=config_hash,
        nodes=(tag.name,),
        only=tag.name,
        preview=True,
    )
    if outcome.error is not None:
        raise outcome.error
    [preview] = previews
    return preview


def _measured(
    published: DataFrame, rebuilt: DataFrame, tag: TagBase, made_of: Sequence[TagBase]
) -> TagPreview:
    before, now = _rows_of(published, tag), _rows_of(rebuilt, tag)
    figures = [F.count("*").alias(f"{tag.entity}s"), *_figures(tag)]
    # one row each
    coverage = [
        {"values": when, **row.asDict()}
        for when, rows in (("published", before), ("would be", now))
        for row in rows.agg(*figures).collect()
    ]
    frequent: Rows = []
    if tag.type == "text":
        counts = now.groupBy(F.col("value_string").alias("value")).agg(F.count("*").alias("n"))
        frequent = _collected(counts.orderBy(F.desc("n"), "value").limit(_MOST_VALUES))
    key = tag.subject.key
    number, day = (F.col(name).cast("string") for name in ("value_double", "value_date"))
    value = F.coalesce("value_string", number, day).alias("value")
    examples = _collected(now.select(key, value).orderBy(key).limit(_MOST_EXAMPLES))
    return TagPreview(coverage, frequent, examples, _unpublished(published, tag, made_of))


def _figures(tag: TagBase) -> list[Column]:
    """Choose the figures that describe values of the tag's type."""
    if tag.type in ("count", "number"):
        number = F.col("value_double")
        named = {
            "least": F.min(number),
            "median": F.median(number),
            "mean": F.avg(number),
            "most": F.max(number),
        }
        return [F.round(column, 4).alias(name) for name, column in named.items()]
    if tag.type == "date":
        return [F.min("value_date").alias("first"), F.max("value_date").alias("last")]
    return []


def _unpublished(published: DataFrame, tag: TagBase, made_of: Sequence[TagBase]) -> list[str]:
    """Name the tags below that nobody has: they may be new."""
    names = {each.name for each in made_of if each.entity == tag.entity}
    rows = published.where(F.col("tag").isin(sorted(names))).select("tag").distinct()
    # one row a tag
    return sorted(names - {row["tag"] for row in rows.collect()})


def _rows_of(rows: DataFrame, tag: TagBase) -> DataFrame:
    named = rows.where(F.col("tag") == tag.name)
    return named if tag.subject.is_person else named.where(F.col("entity") == tag.entity)


def _collected(rows: DataFrame) -> Rows:
    """Bring a frame that was cut to a few rows to the driver."""
    return [row.asDict() for row in rows.collect()]
