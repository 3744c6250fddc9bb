"""Clocks far in the past: the day on which a bank's events begin is learnt from all of them."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise

from pyspark.sql import Column, DataFrame, functions as F

from databank.sources.formats.base import SourceFormat

# a clock that was never set stands years before everything else, in few of the events
_GAP = timedelta(days=365)
_SHARE = 0.001
OLD = timedelta(days=730)  # before the run day; what is younger is never refused


def may_be_refused(*, day: date) -> Column:
    """Tell whether a row (kind, day, earliest) is an event that refuse_implausible may refuse."""
    old = F.col("day") < F.lit(day - OLD)
    return (F.col("kind") == "events") & F.col("earliest").isNull() & old


def refuse_implausible(
    staged: DataFrame, events: DataFrame, sources: Iterable[SourceFormat], *, day: date
) -> DataFrame:
    """Give a verdict to staged events that lie far before all others of the load and the bank.

    Args:
        staged: As parse_records gives them.
        events: core.events.
        sources: Those of the load; of sources with `earliest` nothing is refused.
        day: Run day.

    Returns:
        STAGED.
    """
    learning = sorted(s.source for s in sources if s.becomes == "events" and s.earliest is None)
    if not learning:
        return staged
    sound = staged.where("kind = 'events' AND rule IS NULL")
    # a row a day
    counts = [(row["day"], row["count"]) for row in sound.groupBy("day").count().collect()]
    if not any(each < day - OLD for each, _ in counts):
        return staged  # whatever the table holds
    known = events.agg(F.min("day").alias("first"), F.count("*").alias("n")).first()
    if known is not None and known["first"] is not None:
        counts.append((known["first"], known["n"]))
    first = first_plausible_day(counts)
    if first is None or not any(each < min(first, day - OLD) for each, _ in counts):
        return staged
    old = F.col("day") < F.lit(min(first, day - OLD))
    wrong = F.col("rule").isNull() & (F.col("kind") == "events") & old
    wrong = wrong & F.col("source").isin(learning)
    reason = F.concat(
        F.lit("event_ts: "),
        F.col("ts").cast("string"),
        F.lit(f" lies more than a year before all others, which begin on {first}; "),
        F.lit("give the source `earliest` to load it"),
    )
    return staged.withColumns(
        {
            "rule": F.when(wrong, F.lit("too_early")).otherwise(F.col("rule")),
            "reason": F.when(wrong, reason).otherwise(F.col("reason")),
        }
    )


def first_plausible_day(counts: Sequence[tuple[date, int]]) -> date | None:
    """Find the day on which events begin, a few wrong clocks left out.

    It comes behind the last year without any event that hardly any event lies before.

    Args:
        counts: Days with their numbers of events, in any order.
    """
    in_order = sorted(counts)
    total = sum(n for _, n in in_order)
    first, before = in_order[0][0] if in_order else None, 0
    for (last_day, n), (next_day, _) in pairwise(in_order):
        before += n
        if before > _SHARE * total:
            break
        if next_day - last_day > _GAP:
            first = next_day
    return first
