"""The job build_lifecycle: stages of the run day, the flow to them, and RFM."""

from datetime import date, timedelta

from pyspark.sql import DataFrame, functions as F

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.archive.frame import person_frame
from databank.archive.tables import PERSON_DAY
from databank.expressions import Expression, Macro, parse_window
from databank.expressions.macros import ANY_EVENT
from databank.lifecycle.config import NEW, NONE, LifecycleJobConfig
from databank.lifecycle.rfm import rfm_values, with_rfm_scores
from databank.lifecycle.stages import flow_between, stage_of
from databank.lifecycle.tables import FLOW, RFM, STAGE
from databank.runs import Context, Job, StepResult, Summary


def build_lifecycle(context: Context, config: LifecycleJobConfig) -> StepResult:
    """Write the run day's rows of lifecycle.stage, flow and rfm.

    Both days of the flow are computed from the archive with the identity of this run. A tag or a
    score in a rule has its value of this run on both days.
    """
    day = context.day
    earlier = day - timedelta(days=config.lifecycle.compare_days)
    rules = zip(config.lifecycle.stages, config.lifecycle.expressions, strict=True)
    entries = [
        Checked(f"conf/lifecycle.yml: stage {stage.name!r}", [rule], "boolean")
        for stage, rule in rules
    ]
    refuse_wrong_expressions(context, entries, config.archive, config.tags)
    context.progress.step("stages of the run day")
    recent = Macro("first_time", ANY_EVENT, parse_window(f"last {(day - earlier).days} days"))
    after = _stages(context, config, day, is_new=recent).persist()
    try:
        staged = after.where(F.col("stage") != NONE).withColumn("day", F.lit(day))
        on_day = f"day = DATE'{day}'"
        # one row per person: unique as built
        context.store.replace(STAGE, staged, where=on_day, checked=True)
        context.progress.step(f"flow since {earlier}")
        before = _known_by(_stages(context, config, earlier), after)
        flow = flow_between(before, after).withColumns(
            {"day_from": F.lit(earlier), "day_to": F.lit(day)}
        )
        context.store.replace(FLOW, flow, where=f"day_to = DATE'{day}'", checked=True)
        summary = _measure(context)
        if config.lifecycle.rfm is not None:
            context.progress.step("recency, frequency, money")
            values = rfm_values(context.store.read(PERSON_DAY), config.lifecycle.rfm, as_of=day)
            known = values.join(after, "person_id", "left_semi")
            rows = with_rfm_scores(known, config.lifecycle.rfm).withColumn("day", F.lit(day))
            context.store.replace(RFM, rows, where=on_day, checked=True)
            summary["persons with RFM"] = context.store.rows_written[RFM.name]
    finally:
        after.unpersist()
    return StepResult(summary)


def _stages(
    context: Context, config: LifecycleJobConfig, day: date, *, is_new: Macro | None = None
) -> DataFrame:
    """Compute person_id, stage (`none` included), and `is_new`, the value of that macro."""
    stages, rules = config.lifecycle.stages, config.lifecycle.expressions
    macros = [] if is_new is None else [is_new]
    also = [Expression(m.column, m.column, (m,), frozenset()) for m in macros]
    frame = person_frame(context, [*rules, *also], config.archive, as_of=day, tags=config.tags)
    stage = stage_of([(s.name, e.sql) for s, e in zip(stages, rules, strict=True)])
    return frame.select(
        "person_id", stage.alias("stage"), *(F.col(m.column).alias("is_new") for m in macros)
    )


def _known_by(before: DataFrame, after: DataFrame) -> DataFrame:
    """Leave out of the earlier day the persons whose first event came after it.

    An identifier is valid from the beginning unless it was reassigned, so identity alone does not
    tell since when a person is known.
    """
    return before.join(after.where("is_new"), "person_id", "left_anti")


def _measure(context: Context) -> Summary:
    """Record the persons of each stage and the new persons, from the flow: it counts everybody."""
    # a row for each pair of stages
    rows = context.store.read(FLOW).where(F.col("day_to") == F.lit(context.day)).collect()
    summary: Summary = {}
    for stage in sorted({row["stage_to"] for row in rows}):
        persons = sum(row["persons"] for row in rows if row["stage_to"] == stage)
        context.metric("stage_size", persons, stage=stage)
        summary[f"in stage {stage}"] = persons
    new = sum(row["persons"] for row in rows if row["stage_from"] == NEW)
    context.metric("new_persons", new)
    return summary | {"new persons": new}


JOB = Job(name="build_lifecycle", step=build_lifecycle, tables=(STAGE, FLOW, RFM), logic_version=2)
