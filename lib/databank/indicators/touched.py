"""Find from which day on indicators may have changed since the last run."""

from datetime import date, timedelta

from pyspark.sql import DataFrame, Row, functions as F

from databank.archive.tables import PERSON_DAY
from databank.indicators.kinds import FunnelIndicator, IndicatorBase
from databank.indicators.tables import INDICATOR
from databank.runs import Context
from databank.sources.tables import EVENTS


def first_touched(context: Context, indicators: tuple[IndicatorBase, ...]) -> date | None:
    """Find the first day whose rows may differ from those that are published; None = all days.

    What was touched are the days on which the archive is another one than the last run saw, be it
    by late events or because persons were merged or split; the days of altered events, where a
    funnel looks at their order; and the days that are new. Figures of earlier days change with
    them as far as the longest retention or funnel looks ahead. All days are touched after a change
    of configuration or code, and where what the last run saw cannot be read any more.

    Cost: one scan of either version of the archive, reduced to a row a day before the shuffle.
    """
    store, last = context.store, context.last
    store.read(PERSON_DAY)
    before = context.last_read(PERSON_DAY)
    if last is None or before is None or before < 0 or not store.is_published(INDICATOR):
        return None
    if not store.is_readable(PERSON_DAY.name, before):
        return None
    then = _marks(store.read_version(PERSON_DAY, before).where(F.col("day") <= F.lit(last.day)))
    now = _marks(store.read(PERSON_DAY).where(F.col("day") <= F.lit(context.day)))
    compared = _compared(then, now)
    days = [last.day + timedelta(days=1)]
    if compared["first"] is not None:
        days.append(compared["first"])
    if compared["ended"] != compared["ends"] and None not in (compared["ended"], compared["ends"]):
        # days without any event begin after the last one that has some
        days.append(min(compared["ended"], compared["ends"]) + timedelta(days=1))
    if any(isinstance(each, FunnelIndicator) for each in indicators):
        since = context.last_read(EVENTS)
        feed = store.feed(EVENTS, since)
        if (
            since is None
            or since < 0
            or feed is None
            or feed.was_rolled_back()
            or not feed.covers()
        ):
            return None
        changes = feed.added().select("day").unionByName(feed.altered().select("day"))
        first = _one_row(changes.agg(F.min("day").alias("day")))["day"]
        days += [] if first is None else [first]
    ahead = max((each.ahead for each in indicators), default=0)
    return min(days) - timedelta(days=ahead)


def _marks(archive: DataFrame) -> DataFrame:
    """Mark each day by a hash that is equal for two archives whose rows of the day are."""
    columns = [c.name for c in PERSON_DAY.columns if c.name != "dims"]  # dims_json says the same
    # keys differ, so that no two rows of a day cancel each other
    mark = F.struct(F.count("*"), F.bit_xor(F.xxhash64(*columns)))
    return archive.groupBy("day").agg(mark.alias("mark"))


def _compared(then: DataFrame, now: DataFrame) -> Row:
    """Compare marks: the first day that differs, the last day of either archive; null = none."""
    both = then.withColumnRenamed("mark", "then").join(
        now.withColumnRenamed("mark", "now"), "day", "outer"
    )
    return _one_row(
        both.agg(
            F.min(F.when(~F.col("then").eqNullSafe(F.col("now")), F.col("day"))).alias("first"),
            F.max(F.when(F.col("then").isNotNull(), F.col("day"))).alias("ended"),
            F.max(F.when(F.col("now").isNotNull(), F.col("day"))).alias("ends"),
        )
    )


def _one_row(aggregated: DataFrame) -> Row:
    [row] = aggregated.collect()
    return row
