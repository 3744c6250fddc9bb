"""The job build_indicators: figures of days, retention and funnels follow what changed."""

from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, functions as F

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.archive.config import ArchiveConfig
from databank.archive.events import events_of_persons
from databank.archive.tables import PERSON_DAY
from databank.indicators.calendar import without_gaps
from databank.indicators.config import IndicatorsConfig
from databank.indicators.figures import COLUMNS, PLACE, with_value
from databank.indicators.funnels import count_steps
from databank.indicators.kinds import DailyIndicator, FunnelIndicator
from databank.indicators.persons import Counted, Days, count_persons
from databank.indicators.sums import Added, add_up
from databank.indicators.tables import INDICATOR
from databank.indicators.touched import first_touched
from databank.runs import Context, Job, StepResult, Summary
from databank.sources.tables import EVENTS


def build_indicators(context: Context, config: IndicatorsConfig) -> StepResult:
    """Bring reports.indicator up to the run day.

    At first, and after a change of configuration or code, all days are computed; later those from
    the first day on that late events, other persons or the run day itself may have changed. What
    comes out is the same.

    Cost: the archive is scanned once for all counts of persons and once for all sums, core.events
    once for all funnels, whatever the number of indicators (see `count_persons`, `add_up`,
    `count_steps`); and to find the touched days, see `first_touched`.
    """
    store, day = context.store, context.day
    entries = [
        Checked(f"conf/indicators: indicator {each.name!r}", each.expressions)
        for each in config.indicators
    ]
    refuse_wrong_expressions(context, entries, config.archive, {})
    context.progress.step("looking for touched days")
    touched = first_touched(context, config.indicators)
    archive = store.read(PERSON_DAY).where(F.col("day") <= F.lit(day))
    ends = archive.agg(F.min("day").alias("first"), F.max("day").alias("last")).collect()[0]
    first = touched or ends["first"]
    where = None if touched is None else f"day >= DATE'{touched}'"
    summary: Summary = {"indicators": len(config.indicators)}
    if first is None or ends["last"] is None or not config.indicators:
        store.replace(INDICATOR, store.small(INDICATOR, []), where=where)
        return StepResult({**summary, "rows written": 0})
    context.progress.step(f"days from {first} on")
    rows = _all_figures(context, config, Days(first, ends["last"], day), anew=touched is None)
    store.replace(INDICATOR, rows.withColumn("as_of", F.lit(day)), where=where)
    written = store.rows_written[INDICATOR.name]
    return StepResult({**summary, "days from": str(first), "rows written": written})


def _all_figures(
    context: Context, config: IndicatorsConfig, days: Days, *, anew: bool
) -> DataFrame:
    """COLUMNS of all figures from the first day on."""
    archive, dimensions = context.store.read(PERSON_DAY), config.archive.names
    counting = [each for each in config.indicators if isinstance(each, Counted)]
    adding = [each for each in config.indicators if isinstance(each, Added)]
    funnels = [each for each in config.indicators if isinstance(each, FunnelIndicator)]
    parts = []
    if counting:
        counted = count_persons(archive, counting, days=days, dimensions=dimensions)
        parts.append(with_value(counted))
    if adding:
        until = {"first": days.first, "last": days.last}
        parts.append(add_up(archive, adding, **until, dimensions=dimensions))
    if parts:
        daily = (each for each in config.indicators if isinstance(each, DailyIndicator))
        every = [each.name for each in daily if each.by is None]
        rows = reduce(DataFrame.unionByName, parts)
        if not anew and days.first <= days.last:
            rows = _with_zeros(rows, context.store.read(INDICATOR), every, days.first)
        parts = [without_gaps(rows, every, days.last)]
    if funnels:
        events, named = _events_of(context, config, funnels, days)
        parts.append(with_value(count_steps(events, funnels, dimensions=named)))
    return reduce(DataFrame.unionByName, parts)


def _with_zeros(rows: DataFrame, published: DataFrame, every: list[str], first: date) -> DataFrame:
    """Add a 0 on the first day to indicators that have figures before it: their days go on."""
    known = published.where(F.col("indicator").isin(every) & (F.col("day") < F.lit(first)))
    zeros = known.select(
        *("indicator", "dimension_value", "part", "base"), (F.col("persons") * 0).alias("persons")
    ).distinct()
    zeros = zeros.withColumns({"day": F.lit(first), "value": F.lit(0.0)}).select(*COLUMNS)
    added = rows.unionByName(zeros).groupBy(*PLACE)
    # a sum of nulls is null
    return added.agg(*(F.sum(name).alias(name) for name in ("value", "persons", "base")))


def _events_of(
    context: Context, config: IndicatorsConfig, funnels: list[FunnelIndicator], days: Days
) -> tuple[DataFrame, tuple[str, ...]]:
    """The events of all steps with their persons, and the dimensions that filters may use."""
    store = context.store
    dimensions_used = config.archive.dimensions if any(each.filter for each in funnels) else {}
    archive = ArchiveConfig(dimensions=dimensions_used)
    steps = sorted({step for each in funnels for step in each.steps})
    on_days = F.col("day").between(F.lit(days.first), F.lit(days.until))
    events = store.read(EVENTS).where(on_days & F.col("event").isin(steps))
    return events_of_persons(store, events, archive), archive.names


JOB = Job(name="build_indicators", step=build_indicators, tables=(INDICATOR,), logic_version=2)
