"""The job build_tags: all tags of a part in one pass over the archive."""

from typing import Any

from pyspark.sql import DataFrame, functions as F

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.archive.faults import have_faults, report_faults
from databank.archive.frame import person_frame
from databank.columns import is_one_of
from databank.identity.entities.subject import Subject
from databank.runs import Context, Job, StepResult, Summary
from databank.tables import TableSpec
from databank.tags.base import InputRequest, TagBase
from databank.tags.coverage import alarms, count_by_tag, record_coverage, warn_empty
from databank.tags.history import fresh_tags, keep_history
from databank.tags.library import TAG_KINDS, TagsConfig
from databank.tags.tables import ENTITY_TAG, HISTORY, LISTED, PERSON_TAG
from databank.tags.values import tag_rows, with_tags


def build_tags(context: Context, config: TagsConfig) -> StepResult:
    """Compute the wanted tags as of the run day and replace their rows in tags.person_tag.

    Those of households, accounts ... are in tags.entity_tag; a part has tags of one of them.
    Tags outside this part are read as they were published, and so are those of it whose values
    are younger than their `refresh`. Rows of tags that the configuration no longer has go away
    with any part. One pass over the archive for all tags; one aggregate over the published rows
    if any has `refresh`. Where all are fresh, tags.person_tag is left as it is.
    """
    wanted = [tag for tag in config.tags if context.wants(tag.name)]
    [subject] = {tag.subject for tag in wanted}
    table = subject.pick(PERSON_TAG, ENTITY_TAG)
    fresh = fresh_tags(context, wanted, table)
    tags = [tag for tag in wanted if tag.name not in fresh]
    entries = [Checked(f"conf/tags: tag {tag.name!r}", tag.expressions) for tag in tags]
    refuse_wrong_expressions(context, entries, config.archive, config.types)
    before = count_by_tag(context, tags, table) if any(tag.alarm for tag in tags) else {}
    notes = _write_tags(context, config, tags, subject) if tags else {}
    if table is PERSON_TAG:
        every = [tag for tag in config.tags if tag.subject.is_person]
        keep_history(context, context.store.read(PERSON_TAG), wanted, every)
    now = record_coverage(context, tags, table) if tags else {}
    summary: Summary = {"tags": len(tags), "rows": sum(now.values())}
    if fresh:
        summary["kept until their refresh"] = len(fresh)
    reports = {**notes, **alarms(context, tags, before, now), **warn_empty(context, tags, now)}
    return StepResult({**summary, **reports})


def _write_tags(
    context: Context, config: TagsConfig, tags: list[TagBase], subject: Subject
) -> dict[str, str]:
    """Replace the rows of some tags, all of one entity, with those of the run day.

    Returns:
        What kinds report of their inputs, and which values could not be computed.
    """
    request = InputRequest(context, config.archive, subject, config.tags)
    frame = gather_inputs(request, config, tags)
    # aggregates over all persons take a pass of their own; else the frame is read once
    expressions = {tag.name: tag.expressions for tag in tags}
    twice = any(tag.aggregate() is not None for tag in tags)
    twice = twice or any(have_faults(each) for each in expressions.values())
    frame = frame.persist() if twice else frame
    try:
        aggregates: dict[str, list[Any]] = {}
        wide = with_tags(frame, tags, aggregates)
        faults = report_faults(context, wide, expressions, kind="tag")
        shares = _report_aggregates(context, tags, aggregates)
        rows = tag_rows(wide, tags).withColumn("as_of", F.lit(context.day))
        table = subject.pick(PERSON_TAG, ENTITY_TAG)
        # one row per person, and each tag once in it: unique as built
        context.store.replace(
            table, subject.to_stored(rows), where=_scope(tags, config, table), checked=True
        )
    finally:
        if twice:
            frame.unpersist()
    return request.notes | shares | faults


def _report_aggregates(
    context: Context, tags: list[TagBase], aggregates: dict[str, list[Any]]
) -> dict[str, str]:
    """Record what kinds say of their aggregates over all persons."""
    lines: dict[str, str] = {}
    for tag in tags:
        figures, line = tag.report(aggregates[tag.name])
        for name, value in figures.items():
            context.metric(name, value, tag=tag.name)
        lines |= {f"reached: {tag.name}": line} if line else {}
    return lines


def gather_inputs(request: InputRequest, config: TagsConfig, tags: list[TagBase]) -> DataFrame:
    """Gather the columns that the tags are computed from: expressions, and each kind's inputs.

    Returns:
        person_id (unique; of an entity its entity_id), a column per macro and per tag outside
        these, and what `read_inputs` of the kinds gives.
    """
    context, built = request.context, {tag.name for tag in tags}
    others = {name: kind for name, kind in config.types.items() if name not in built}
    expressions = [each for tag in tags for each in tag.frame_expressions]
    context.progress.step(f"{len(tags)} tags from one pass over the archive")
    frame = person_frame(context, expressions, config.archive, tags=others, subject=request.subject)
    for group in dict.fromkeys(kind.input_group() for kind in TAG_KINDS):
        members = [tag for tag in tags if tag.input_group() is group]
        for inputs in group.read_inputs(members, request):
            frame = frame.join(inputs, "person_id", "left")
    return frame


def _scope(tags: list[TagBase], config: TagsConfig, table: TableSpec) -> str | None:
    """Write the condition on rows to be replaced: those of the part, and of tags that are gone."""
    every = [tag for tag in config.tags if tag.subject.pick(PERSON_TAG, ENTITY_TAG) is table]
    if len(tags) == len(every):
        return None
    built, known = (is_one_of("tag", (tag.name for tag in some)) for some in (tags, every))
    return f"{built} OR NOT {known}"


JOB = Job(
    name="build_tags",
    step=build_tags,
    tables=(LISTED, PERSON_TAG, ENTITY_TAG, HISTORY),
    logic_version=2,
)
