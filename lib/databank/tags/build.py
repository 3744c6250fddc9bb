"""The job build_tags: all tags of a part in one pass over the archive."""

from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.frame import person_frame
from databank.archive.tables import PERSON_DAY
from databank.columns import is_one_of
from databank.identity.entities.subject import Subject
from databank.runs import Context, Job, StepResult
from databank.tables import TableSpec
from databank.tags.attributes import person_attributes
from databank.tags.config import TagConfig, TagsConfig
from databank.tags.coverage import alarms, count_by_tag, record_coverage, warn_empty
from databank.tags.history import keep_history
from databank.tags.kinds import OF_PROFILES
from databank.tags.list_tags import listed_persons, listed_values, write_provenance
from databank.tags.preference import preferred_values
from databank.tags.refresh import fresh_tags
from databank.tags.statements import sql_value
from databank.tags.tables import ENTITY_TAG, HISTORY, LISTED, PERSON_TAG
from databank.tags.top import top_values
from databank.tags.values import score_column, with_tags

# kinds that compare the values of a dimension
_OF_VALUES = {"top": top_values, "preference": preferred_values}


def build_tags(context: Context, config: TagsConfig) -> StepResult:
    """Compute the wanted tags as of the run day and replace their rows in tags.person_tag.

    Those of households, accounts ... are in tags.entity_tag; a part has tags of one of them.
    Tags outside this part are read as they were published, and so are those of it whose values
    are younger than their `refresh`. Rows of tags that the configuration no longer has go away
    with any part. One pass over the archive for all tags; one aggregate over the published rows
    if any has `refresh`. Where all are kept, tags.person_tag is left as it is.
    """
    wanted = [tag for tag in config.tags if context.wants(tag.name)]
    [subject] = {tag.subject for tag in wanted}
    table = subject.pick(PERSON_TAG, ENTITY_TAG)
    kept = fresh_tags(context, wanted, table)
    tags = [tag for tag in wanted if tag.name not in kept]
    before = count_by_tag(context, tags, table) if any(tag.alarm for tag in tags) else {}
    lists = _write_tags(context, config, tags, subject) if tags else {}
    if table is PERSON_TAG:
        persons = [tag for tag in config.tags if tag.subject.is_person]
        keep_history(context, context.store.read(PERSON_TAG), wanted, persons)
    now = record_coverage(context, tags, table) if tags else {}
    summary: dict[str, int | float | str] = {"tags": len(tags), "rows": sum(now.values())}
    if kept:
        summary["kept until their refresh"] = len(kept)
    told = {**lists, **alarms(context, tags, before, now), **warn_empty(context, tags, now)}
    return StepResult({**summary, **told})


def _write_tags(
    context: Context, config: TagsConfig, tags: list[TagConfig], subject: Subject
) -> dict[str, str]:
    """Replace the rows of some tags, all of one entity, with those of the run day.

    Returns:
        What is to be told of their lists.
    """
    own = {tag.name for tag in tags}
    others = {name: kind for name, kind in config.types.items() if name not in own}
    ranking = {kind: [t for t in tags if t.kind == kind] for kind in _OF_VALUES}
    expressions = [each for tag in tags if tag.kind not in ranking for each in tag.expressions]
    context.progress.step(f"{len(tags)} tags from one pass over the archive")
    frame = person_frame(context, expressions, config.archive, tags=others, subject=subject)
    attributes = [tag for tag in tags if tag.kind in OF_PROFILES]
    if attributes:
        found = person_attributes(
            context.store.require("core.profiles"),
            context.store.require("identity.person"),
            attributes,
            as_of=context.day,
            timezone=context.settings.timezone,
        )
        frame = frame.join(found, "person_id", "left")
    for kind, some in ranking.items():
        if some:
            days = subject.in_place_of_persons(context.store, context.store.read(PERSON_DAY))
            names = config.archive.names
            found = _OF_VALUES[kind](days, some, as_of=context.day, dimensions=names)
            frame = frame.join(found, "person_id", "left")
    for tag in tags:
        if tag.kind == "sql":
            frame = frame.join(sql_value(context, tag), "person_id", "left")
    told: dict[str, str] = {}
    if subject.is_person:
        by_list = [tag for tag in tags if tag.identifier]
        listed = None
        if by_list:
            listed, told = listed_persons(context, by_list, config.lists)
            frame = frame.join(listed_values(listed, by_list), "person_id", "left")
        every = [tag for tag in config.tags if tag.identifier]
        write_provenance(context, listed, by_list, every, config.lists)
    # the cuts of percentiles take a pass of their own; else a frame is read once
    twice = any(tag.kind == "percentile" for tag in tags)
    frame = frame.persist() if twice else frame
    try:
        rows = tag_rows(with_tags(frame, tags), tags).withColumn("as_of", F.lit(context.day))
        table = subject.pick(PERSON_TAG, ENTITY_TAG)
        # one row per person, and each tag once in it: unique as built
        context.store.replace(
            table, subject.to_stored(rows), where=_scope(tags, config, table), checked=True
        )
    finally:
        if twice:
            frame.unpersist()
    return told


def tag_rows(wide: DataFrame, tags: list[TagConfig]) -> DataFrame:
    """Turn the wide frame long: a row where the tag says something.

    Args:
        wide: person_id and the columns of `with_tags`.
        tags: The tags to write.

    Returns:
        person_id, tag, value_string, value_double, value_date; no row for a yes/no tag that is
        not, a count of 0, a null.
    """
    entries = F.array_compact(F.array(*(_entry(tag) for tag in tags)))
    return wide.select("person_id", F.inline(entries))


def _entry(tag: TagConfig) -> Column:
    column = F.col(tag.name)
    number = F.lit(None).cast("double")
    text = F.lit(None).cast("string")
    day = F.lit(None).cast("date")
    said = column.isNotNull()
    if tag.type == "boolean":
        said, text = column, F.lit("true")
    elif tag.type == "text":
        text = column
    elif tag.type == "date":
        day = column
    else:
        number = column.cast("double")
        said = column != 0 if tag.type == "count" else said
    if tag.bands or tag.kind in ("preference", "top", "probability"):
        number = F.col(score_column(tag))
    value = F.struct(
        F.lit(tag.name).alias("tag"),
        text.alias("value_string"),
        number.alias("value_double"),
        day.alias("value_date"),
    )
    return F.when(said, value)


def _scope(tags: list[TagConfig], config: TagsConfig, table: TableSpec) -> str | None:
    """Rows to be replaced: those of the part, and those of tags that are no more."""
    every = [tag for tag in config.tags if tag.subject.pick(PERSON_TAG, ENTITY_TAG) is table]
    if len(tags) == len(every):
        return None
    named, known = (is_one_of("tag", (tag.name for tag in some)) for some in (tags, every))
    return f"{named} OR NOT {known}"


JOB = Job(
    name="build_tags",
    step=build_tags,
    tables=(LISTED, PERSON_TAG, ENTITY_TAG, HISTORY),
    logic_version=1,
)
