"""The job build_tags: all tags of a part in one pass over the archive."""

from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.frame import person_frame
from databank.runs import Context, Job, StepResult
from databank.tags.attributes import person_attributes
from databank.tags.config import TagConfig, TagsConfig
from databank.tags.tables import PERSON_TAG
from databank.tags.values import score_column, with_tags


def build_tags(context: Context, config: TagsConfig) -> StepResult:
    """Compute the wanted tags as of the run day and replace their rows in tags.person_tag.

    Tags outside this part are read as they were published. Rows of tags that the configuration
    no longer has go away with any part.
    """
    tags = [tag for tag in config.tags if context.wants(tag.name)]
    own = {tag.name for tag in tags}
    others = {name: kind for name, kind in config.types.items() if name not in own}
    expressions = [each for tag in tags for each in tag.expressions]
    context.progress.step(f"{len(tags)} tags from one pass over the archive")
    frame = person_frame(context, expressions, config.archive, tags=others)
    attributes = [tag for tag in tags if tag.kind == "attribute"]
    if attributes:
        found = person_attributes(
            context.store.read("core.profiles"),
            context.store.read("identity.person"),
            attributes,
            as_of=context.day,
            timezone=context.settings.timezone,
        )
        frame = frame.join(found, "person_id", "left")
    frame = frame.persist()
    try:
        rows = tag_rows(with_tags(frame, tags), tags).withColumn("as_of", F.lit(context.day))
        # one row per person, and each tag once in it: unique as built
        context.store.replace(PERSON_TAG, rows, where=_scope(tags, config), checked=True)
    finally:
        frame.unpersist()
    return StepResult({"tags": len(tags), "rows": _measure(context, tags)})


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
    said = column.isNotNull()
    if tag.type == "boolean":
        said, text = column, F.lit("true")
    elif tag.type == "text":
        text = column
    else:
        number = column.cast("double")
        said = column != 0 if tag.type == "count" else said
    if tag.bands or tag.kind == "preference":
        number = F.col(score_column(tag))
    value = F.struct(
        F.lit(tag.name).alias("tag"),
        text.alias("value_string"),
        number.alias("value_double"),
        F.lit(None).cast("date").alias("value_date"),
    )
    return F.when(said, value)


def _scope(tags: list[TagConfig], config: TagsConfig) -> str | None:
    """Rows to be replaced: those of the part, and those of tags that are no more."""
    if len(tags) == len(config.tags):
        return None
    return f"tag IN ({_listed(tags)}) OR tag NOT IN ({_listed(config.tags)})"


def _listed(tags: list[TagConfig] | tuple[TagConfig, ...]) -> str:
    return ", ".join(f"'{tag.name}'" for tag in tags)


def _measure(context: Context, tags: list[TagConfig]) -> int:
    """Note how many persons have each tag, and the mean of numbers; returns the rows of all."""
    names = sorted(tag.name for tag in tags)
    written = context.store.read(PERSON_TAG).where(F.col("tag").isin(names))
    figures = written.groupBy("tag").agg(F.count("*").alias("n"), F.avg("value_double").alias("m"))
    # one row per tag
    found = {row["tag"]: (row["n"], row["m"]) for row in figures.collect()}
    for tag in tags:
        persons, mean = found.get(tag.name, (0, None))
        context.metric("tag_coverage", persons, tag=tag.name)
        if mean is not None:
            context.metric("tag_mean", mean, tag=tag.name)
    return sum(persons for persons, _ in found.values())


JOB = Job(name="build_tags", step=build_tags, tables=(PERSON_TAG,))
