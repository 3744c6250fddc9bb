"""Recency, frequency and money, scored by fixed cuts so that days can be compared."""

from collections.abc import Callable, Iterable
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import holds, require_columns
from databank.expressions import parse_expression, parse_window
from databank.lifecycle.config import NO_SEGMENT, Distinct, RfmConfig


def rfm_values(archive: DataFrame, config: RfmConfig, *, as_of: date) -> DataFrame:
    """Compute recency, frequency and money of every person with the event in the window.

    Args:
        archive: archive.person_day.
        config: The event, what frequency counts, which events bring or cost money.
        as_of: Run day; later rows are left out.

    Returns:
        person_id (unique), recency_days (int, 0 = the run day), frequency (bigint), monetary
        (double, null where no event had an amount).

    Raises:
        MissingColumnsError: If a column is missing.
    """
    require_columns(archive, "person_id", "day", "event", "dims", "amount", where="rfm_values")
    begin, end = parse_window(config.window).days(as_of)
    in_window = F.col("day") <= F.lit(end)
    if begin is not None:
        in_window = in_window & (F.col("day") >= F.lit(begin))
    events = [config.event, *config.also_money]
    is_event = F.col("event") == config.event
    if isinstance(config.frequency, Distinct):
        counted = F.col("dims")[config.frequency.distinct]
    else:
        counted = F.col("day").cast("string")
    return (
        archive.where(in_window & F.col("event").isin(events))
        .groupBy("person_id")
        .agg(
            F.date_diff(F.lit(as_of), F.max(F.when(is_event, F.col("day")))).alias("recency_days"),
            F.count_distinct(F.when(is_event, counted)).alias("frequency"),
            F.sum("amount").cast("double").alias("monetary"),
        )
        .where(F.col("recency_days").isNotNull())
    )


def with_rfm_scores(values: DataFrame, config: RfmConfig) -> DataFrame:
    """Add r, f, m (int, 1 = worst) and segment.

    Args:
        values: recency_days, frequency, monetary.
        config: Cuts and segments.
    """
    cuts = config.cuts
    money = F.coalesce("monetary", F.lit(0.0))
    scored = values.withColumns(
        {
            "r": _score(cuts.r, lambda cut: F.col("recency_days") <= cut),
            "f": _score(cuts.f, lambda cut: F.col("frequency") >= cut),
            "m": _score(cuts.m, lambda cut: money >= cut)
            if cuts.m is not None
            else F.lit(None).cast("int"),
        }
    )
    segment = F.lit(NO_SEGMENT)
    for each in reversed(config.segments):
        segment = F.when(holds(parse_expression(each.when).sql), F.lit(each.name)).otherwise(
            segment
        )
    return scored.withColumn("segment", segment)


def _score(cuts: Iterable[float], passes: Callable[[float], Column]) -> Column:
    """Score 1, and one more for each cut that is passed."""
    score = F.lit(1)
    for cut in cuts:
        score = score + F.when(passes(cut), 1).otherwise(0)
    return score
