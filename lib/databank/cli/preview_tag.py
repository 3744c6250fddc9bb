"""`databank run build_tags --only NAME --dry-run`: what the tag would be, without publishing it."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame, functions as F

from databank.cli.show import Rows, Section
from databank.errors import DataBankError
from databank.project.graph import Node
from databank.project.jobs import config_hash, job_config, load_job
from databank.project.model import Project
from databank.runs import Context, Runner, StepResult
from databank.session import get_spark
from databank.tables import DeltaStore
from databank.tables.outside import require_root
from databank.tags.config import TagConfig, TagsConfig
from databank.tags.describe import MADE_OF_TAGS, definition, reads_of
from databank.tags.tables import ENTITY_TAG, PERSON_TAG

_JOB = "build_tags"
_EXAMPLES = 10
_COMMON = 10


@dataclass(frozen=True)
class _Found:
    coverage: Rows
    common: Rows
    examples: Rows
    unheard: Rows


def preview_tag(project: Project, root: str, day: date, name: str) -> list[Section]:
    """Build a tag as --only would; publish nothing and tell what came.

    Raises:
        DataBankError: If the root holds no bank, or the run ends with an error of the operator's.
    """
    require_root(root)
    spark = get_spark("databank", **project.settings.spark)
    runner = Runner(DeltaStore(spark, root), project.settings)
    if not runner.store.is_published("archive.person_day"):
        raise DataBankError(f"--root {root}: holds no archive yet; run build_archive first")
    below = _below(project, name)
    [tag] = [each for each in project.tags if each.name == name]
    found: list[_Found] = []

    def look(context: Context, config: TagsConfig) -> StepResult:
        table = tag.subject.pick(PERSON_TAG, ENTITY_TAG)
        published = context.store.read(table)
        result = load_job(_JOB).step(context, config)
        would_be = context.store.read(table)
        found.append(_measured(published, would_be, tag, _unheard(published, tag, below)))
        return result

    outcome = runner.run(
        replace(load_job(_JOB), step=look),
        job_config(_JOB, project),
        day=day,
        config_hash=config_hash(_JOB, project, (name,)),
        nodes=(name,),
        only=name,
        preview=True,
    )
    if outcome.error is not None:
        raise outcome.error
    return _sections([*below, tag], found[0], day)


def _below(project: Project, name: str) -> list[TagConfig]:
    """The tags that one stands on; its build reads them as they are published."""
    upstream = project.graph.upstream([Node("tag", name)])
    names = {node.name for node in upstream if node.kind == "tag"} - {name}
    return [tag for tag in project.tags if tag.name in names]


def _unheard(published: DataFrame, tag: TagConfig, below: list[TagConfig]) -> Rows:
    """Those of them that nobody has: perhaps they are new."""
    names = {each.name for each in below if each.entity == tag.entity}
    rows = published.where(F.col("tag").isin(sorted(names))).select("tag").distinct()
    # one row a tag
    known = {row["tag"] for row in rows.collect()}
    return [{"tag": name} for name in sorted(names - known)]


def _measured(published: DataFrame, would_be: DataFrame, tag: TagConfig, unheard: Rows) -> _Found:
    before, now = _of(published, tag), _of(would_be, tag)
    whose = tag.subject.key
    figures = [F.count("*").alias(f"{tag.entity}s")]
    if tag.type in ("count", "number"):
        number = F.col("value_double")
        shown = (F.min(number), F.median(number), F.avg(number), F.max(number))
        names = ("least", "median", "mean", "most")
        figures += [F.round(c, 4).alias(n) for c, n in zip(shown, names, strict=True)]
    elif tag.type == "date":
        figures += [F.min("value_date").alias("first"), F.max("value_date").alias("last")]
    # one row each
    coverage = [
        {"values": when, **row.asDict()}
        for when, rows in (("published", before), ("would be", now))
        for row in rows.agg(*figures).collect()
    ]
    common: Rows = []
    if tag.type == "text":
        by_value = now.groupBy(F.col("value_string").alias("value")).agg(F.count("*").alias("n"))
        common = _rows(by_value.orderBy(F.desc("n"), "value").limit(_COMMON))
    examples = now.select(F.col(whose), _value(tag).alias("value")).orderBy(whose)
    return _Found(coverage, common, _rows(examples.limit(_EXAMPLES)), unheard)


def _of(rows: DataFrame, tag: TagConfig) -> DataFrame:
    found = rows.where(F.col("tag") == tag.name)
    return found if tag.subject.is_person else found.where(F.col("entity") == tag.entity)


def _value(tag: TagConfig) -> Column:
    number, day = (F.col(name).cast("string") for name in ("value_double", "value_date"))
    return F.coalesce("value_string", number, day)


def _rows(rows: DataFrame) -> Rows:
    """Rows of a frame that was cut to a few."""
    return [row.asDict() for row in rows.collect()]


def _sections(tags: list[TagConfig], found: _Found, day: date) -> list[Section]:
    tag = tags[-1]
    plan: list[dict[str, Any]] = [
        {"tag": each.name, "reads": table, "what": what}
        for each in tags
        for table, what in reads_of(each, day)
    ]
    told = f": {definition(tag)}" if tag.kind in MADE_OF_TAGS else ""
    sections = [
        Section(f"{tag.name} ({tag.kind}){told}", plan),
        Section("of nobody as it is published; if it is new, build it first", found.unheard),
        Section(f"who would have it on {day}; nothing was published", found.coverage),
        Section("the most frequent values", found.common),
        Section(f"{len(found.examples)} who would have it", found.examples),
    ]
    return [section for section in sections if section.rows]
