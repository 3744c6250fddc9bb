"""Count how far those who began a funnel on a day came, in the order of their events."""

from collections.abc import Sequence
from datetime import timedelta

from pyspark.sql import Column, DataFrame, Window, functions as F

from databank.archive.row_filters import event_matches, with_dimensions
from databank.indicators.figures import PLACE, named
from databank.indicators.kinds import FunnelIndicator


def count_steps(
    events: DataFrame, funnels: Sequence[FunnelIndicator], *, dimensions: Sequence[str]
) -> DataFrame:
    """Count for each day with a first step how many persons reached each step.

    A person reached step k of a day if any first step of the day begins a chain of events up to
    step k, none before the one that it follows, the last no later than `within` after the first.
    Two events of one time follow each other either way, unless they are steps of the same name:
    these are one event, or come one after the other.

    The earliest chain from a first step is the one that comes furthest, and its next event depends
    on the present one alone. So the steps are found from the last to the first: for each event the
    next one of step k after it, which knows the one of step k + 1 already.

    Cost: the events are shuffled and sorted once, by person and time, for all funnels; each step
    after the first is one more pass over the sorted rows, linear in them. What comes out is a row
    per day, funnel and step.

    Args:
        events: person_id, day, event, terminal, dims (declared dimensions by name), event_ts; of
            all steps, from the first day wanted on.
        funnels: What to count.
        dimensions: Declared dimensions, which filters use by name.

    Returns:
        indicator, day, dimension_value (''), part, persons, base (persons with the first step).
    """
    # backwards in time, so that frames grow row by row; whole microseconds tell before from after
    backwards = Window.partitionBy("person_id").orderBy("back")
    rows = with_dimensions(events, dimensions)
    rows = rows.select(
        "person_id",
        "day",
        F.unix_micros("event_ts").alias("at"),
        (-F.unix_micros("event_ts")).alias("back"),
        *(
            F.coalesce(event_matches(step, each.filter), F.lit(False)).alias(_is(n, each, step))
            for n, each in enumerate(funnels)
            for step in dict.fromkeys(each.steps)
        ),
    )
    for k in range(max(len(each.steps) for each in funnels), 1, -1):
        following = {}
        for n, each in enumerate(funnels):
            if k > len(each.steps):
                continue
            here = F.struct(F.col("at"), *([F.col(_next(n, k + 1))] if k < len(each.steps) else []))
            again = each.steps[k - 2] == each.steps[k - 1]
            frame = backwards.rangeBetween(Window.unboundedPreceding, -1 if again else 0)
            reached = F.when(F.col(_is(n, each, each.steps[k - 1])), here)
            following[_next(n, k)] = F.min(reached).over(frame)
        done = [_next(n, k + 1) for n in range(len(funnels))]
        rows = rows.withColumns(following).drop(*done)
    entries = F.array_compact(F.array(*(_entry(n, each) for n, each in enumerate(funnels))))
    deepest = (
        rows.select("person_id", "day", F.inline(entries))
        .groupBy("person_id", "day", "i")
        .agg(F.max("reached").alias("reached"))
    )
    ends = deepest.groupBy("day", "i", "reached").agg(F.count("*").alias("ended"))
    parts = F.array(
        *(
            F.array(*(F.lit(f"{k} {step}") for k, step in enumerate(each.steps, start=1)))
            for each in funnels
        )
    )
    steps = ends.select("*", F.posexplode(F.get(parts, F.col("i"))).alias("place", "part"))
    counted = steps.groupBy("i", "day", "part").agg(
        F.sum(F.when(F.col("reached") > F.col("place"), F.col("ended")).otherwise(0)).alias(
            "persons"
        ),
        F.sum("ended").alias("base"),
    )
    return (
        named(counted, funnels)
        .withColumn("dimension_value", F.lit(""))
        .select(*PLACE, "persons", "base")
    )


def _is(n: int, each: FunnelIndicator, step: str) -> str:
    """Name the column that marks the events of a step: by number, for events have any name."""
    return f"is_{n}_{each.steps.index(step)}"


def _next(n: int, k: int) -> str:
    """Name the column with the next event of step k, and the one of step k + 1 after it."""
    return f"next_{n}_{k}"


def _entry(n: int, each: FunnelIndicator) -> Column:
    """Count the steps that a first step reached; null for other events."""
    limit = F.col("at") + each.span // timedelta(microseconds=1)
    reached: Column = F.lit(1)
    following = F.col(_next(n, 2))
    for k in range(2, len(each.steps) + 1):
        reached = reached + F.coalesce(following["at"] <= limit, F.lit(False)).cast("int")
        if k < len(each.steps):
            following = following[_next(n, k + 1)]
    entry = F.struct(F.lit(n).alias("i"), reached.alias("reached"))
    return F.when(F.col(_is(n, each, each.steps[0])), entry)
