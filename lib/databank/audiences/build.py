"""The job build_audiences: all audiences of a part on one frame."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from pyspark.sql import DataFrame, functions as F

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.archive.faults import have_faults, report_faults
from databank.archive.frame import person_frame
from databank.audiences.config import KEEP_DAYS, AudienceConfig, AudiencesConfig
from databank.audiences.tables import ENTITY_MEMBER, MEMBER
from databank.columns import holds, is_one_of
from databank.dag import Dag
from databank.expressions import Expression
from databank.runs import Context, Job, StepResult, Summary


def build_audiences(context: Context, config: AudiencesConfig) -> StepResult:
    """Write who is in the wanted audiences on the run day, and remove days past `keep_days`.

    Of a household, an account ... in an audience all persons are. A part has those of one kind.
    Audiences outside this part are read as they were published for the run day.
    """
    wanted = [each for each in config.audiences if context.wants(each.audience)]
    [subject] = {each.subject for each in wanted}
    entries = [
        Checked(f"conf/audiences: audience {each.audience!r}", each.expressions, "boolean")
        for each in wanted
    ]
    refuse_wrong_expressions(context, entries, config.archive, config.tags)
    context.progress.step(f"{len(wanted)} audiences on one frame")
    outside = outer_expressions(wanted)
    frame = person_frame(context, outside, config.archive, tags=config.tags, subject=subject)
    expressions = {each.audience: each.expressions for each in wanted}
    # counting what cannot be computed takes a pass of its own
    twice = have_faults(each.expression for each in wanted)
    frame = frame.persist() if twice else frame
    try:
        wide = with_members(frame, wanted)
        faults = report_faults(context, wide, expressions, kind="audience")
        rows = members(wide, wanted).withColumn("day", F.lit(context.day))
        _write_members(context, config, wanted, rows)
    finally:
        if twice:
            frame.unpersist()
    return StepResult({**_measure(context, wanted), **faults})


def _write_members(
    context: Context, config: AudiencesConfig, wanted: Sequence[AudienceConfig], rows: DataFrame
) -> None:
    """Replace the members of the day."""
    [subject] = {each.subject for each in wanted}
    where = _scope(wanted, config.audiences, context.day)
    # one row per person, and each audience once in it: unique as built
    if not subject.is_person:
        stored = subject.to_stored(rows)
        context.store.replace(ENTITY_MEMBER, stored, where=where, checked=True)
        today = context.store.read(ENTITY_MEMBER).where(_of_day(wanted, context.day))
        rows = today.join(subject.members(context.store), "entity_id")
    context.store.replace(MEMBER, rows, where=where, checked=True)


def outer_expressions(audiences: Iterable[AudienceConfig]) -> list[Expression]:
    """Collect the conditions of audiences without the macros that they answer for each other."""
    audiences = list(audiences)
    own = {each.member for each in audiences}
    return [
        replace(e.expression, macros=tuple(m for m in e.expression.macros if m not in own))
        for e in audiences
    ]


def with_members(frame: DataFrame, audiences: Sequence[AudienceConfig]) -> DataFrame:
    """Add a boolean column per audience, `AudienceConfig.member`; null counts as false.

    Args:
        frame: person_id (unique) and a column per macro and tag of `outer_expressions`.
        audiences: They may refer to each other.

    Raises:
        ValueError: If audiences refer to each other in a circle.
    """
    named = {each.audience: each for each in audiences}
    references = {name: each.audiences for name, each in named.items()}
    for level in Dag(references).levels():
        frame = frame.withColumns(
            {named[name].member.column: holds(named[name].expression.sql) for name in level}
        )
    return frame


def members(wide: DataFrame, audiences: Iterable[AudienceConfig]) -> DataFrame:
    """Turn the columns of `with_members` into person_id, audience: a row for each yes."""
    entries = F.array(*(F.when(F.col(e.member.column), F.lit(e.audience)) for e in audiences))
    return wide.select("person_id", F.explode(F.array_compact(entries)).alias("audience"))


def _scope(wanted: Sequence[AudienceConfig], every: Sequence[AudienceConfig], day: date) -> str:
    """Select the rows that the write replaces: those of the day, and those past `keep_days`."""
    old = [
        f"(audience = '{each.audience}' AND day <= DATE'{day - timedelta(days=each.keep_days)}')"
        for each in wanted
    ]
    known = is_one_of("audience", (each.audience for each in every))
    removed = f"(NOT {known} AND day <= DATE'{day - timedelta(days=KEEP_DAYS)}')"
    return " OR ".join([f"({_of_day(wanted, day)})", *old, removed])


def _of_day(audiences: Sequence[AudienceConfig], day: date) -> str:
    named = is_one_of("audience", (each.audience for each in audiences))
    return f"day = DATE'{day}' AND {named}"


def _measure(context: Context, audiences: Sequence[AudienceConfig]) -> Summary:
    """Record the exact size of each audience."""
    names = sorted(each.audience for each in audiences)
    on_day = (F.col("day") == F.lit(context.day)) & F.col("audience").isin(names)
    counted = context.store.read(MEMBER).where(on_day).groupBy("audience").count()
    # one row per audience
    sizes = {row["audience"]: row["count"] for row in counted.collect()}
    for name in names:
        context.metric("audience_size", sizes.get(name, 0), audience=name)
    return {name: sizes.get(name, 0) for name in names}


JOB = Job(
    name="build_audiences", step=build_audiences, tables=(MEMBER, ENTITY_MEMBER), logic_version=2
)
