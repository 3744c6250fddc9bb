"""Turn events of core.events into rows of the archive: persons, dimensions, sums by day."""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.config import ArchiveConfig
from databank.archive.sessions import session_inputs, text_or_null
from databank.clock import last_hours
from databank.expressions import Macro
from databank.expressions.macros import ANY_EVENT
from databank.expressions.numbers import DECIMAL, SUMMED
from databank.identity.attach import attach_persons, excluded_identifiers
from databank.identity.tables import PERSON, REJECTED
from databank.session.analysed import refuse_foreign_texts
from databank.sources.tables import EVENTS
from databank.tables import Store

_USED = (
    *("source", "event_id", "id_key", "ids"),
    *("day", "terminal", "event", "amount", "quantity", "event_ts"),
)
# microseconds from an event to the end of the run day; windows of hours go by it
AGO = "_ago"
_HOUR = 3_600_000_000


def with_dims_json(events: DataFrame, config: ArchiveConfig) -> DataFrame:
    """Add dims_json: the declared dimensions of each event; and what sessions need.

    Args:
        events: core.events.
        config: Dimensions by event, Spark SQL over core.events; sessions.

    Returns:
        The columns the archive needs, dims_json (JSON text, '' if the event declares none; an empty
        text is no value, as null is), and with sessions what `session_inputs` tells.
    """
    texts = {
        f"conf/archive.yml: dimensions.{event}.{name}": text
        for event, dimensions in config.dimensions.items()
        for name, text in dimensions.items()
    }
    refuse_foreign_texts(events.sparkSession, events.schema, texts)
    pairs: Column = F.lit(None).cast("map<string,string>")
    for event, dimensions in sorted(config.dimensions.items()):
        cells = [
            cell
            for name, text in sorted(dimensions.items())
            for cell in (F.lit(name), text_or_null(text))
        ]
        pairs = F.when(F.col("event") == event, F.create_map(*cells)).otherwise(pairs)
    of_sessions = session_inputs(config.sessions) if config.sessions is not None else []
    dims_json = F.coalesce(F.to_json(pairs), F.lit("")).alias("dims_json")
    return events.select(*_USED, dims_json, *of_sessions)


def person_days(events: DataFrame) -> DataFrame:
    """Reduce events to archive.person_day; one shuffle, partly summed before it.

    Args:
        events: person_id, day, terminal, event, dims_json, amount, quantity, event_ts.

    Returns:
        One row per person_id, day, terminal, event and dims_json.
    """
    summed = events.groupBy(
        "person_id",
        "day",
        F.coalesce("terminal", F.lit("")).alias("terminal"),
        "event",
        "dims_json",
    ).agg(
        F.count("*").alias("n"),
        F.count("amount").alias("amounts"),
        F.sum("amount").cast(SUMMED).alias("amount"),
        F.max("amount").cast(DECIMAL).alias("amount_max"),
        F.min("amount").cast(DECIMAL).alias("amount_min"),
        F.sum("quantity").cast(SUMMED).alias("quantity"),
        F.min("event_ts").alias("first_ts"),
        F.max("event_ts").alias("last_ts"),
    )
    # dims_json is the text of the map; a map among the sums would make Spark sort all events
    return summed.withColumns({"dims": dims_of_json(), "synthetic": F.lit(None).cast("boolean")})


def dims_of_json() -> Column:
    """Read the dimensions of an event by name; null if it has none."""
    return F.when(F.col("dims_json") != "", F.from_json("dims_json", "map<string,string>"))


def events_of_persons(store: Store, events: DataFrame, config: ArchiveConfig) -> DataFrame:
    """Give events their persons, as the archive does; events without a person are left out.

    Cost: see `attach_persons`; where the events are few, Spark sends them to the persons.

    Args:
        store: Where the persons are.
        events: Rows of core.events.
        config: Dimensions by event; sessions are left alone.

    Returns:
        One row per event: source, event_id, id_key, ids, day, terminal ('' if unknown), event,
        amount, quantity, event_ts, dims_json, person_id, dims (declared dimensions by name).
    """
    described = with_dims_json(events, ArchiveConfig(dimensions=config.dimensions))
    described = described.withColumn("terminal", F.coalesce("terminal", F.lit("")))
    excluded = excluded_identifiers(store.read(REJECTED))
    attached = attach_persons(described, store.read(PERSON), excluded)
    return attached.withColumn("dims", dims_of_json())


def recent_events(
    store: Store,
    macros: Iterable[Macro],
    config: ArchiveConfig,
    *,
    as_of: date,
    timezone: str,
) -> DataFrame:
    """Read the events of windows of hours, one by one, as rows of the archive.

    A window of hours ends with the day and has so many physical hours, whatever clocks do. Later
    events are left out. Cost: core.events is read as `attach_persons` reads it, pruned to the
    days of the longest window and to the events that macros name, for all windows together.

    Args:
        store: Where core.events and the persons are.
        macros: Those with windows of hours.
        config: Dimensions by event.
        as_of: The day with which windows end.
        timezone: Business time zone, in which it ends.

    Returns:
        The columns of archive.person_day, n = 1, and `AGO` (bigint).
    """
    macros = list(macros)
    longest = max(macro.hours or 0 for macro in macros)
    begin, end, first = last_hours(longest, as_of, timezone)
    on_days = F.col("day").between(F.lit(first), F.lit(as_of))
    in_window = on_days & (F.col("event_ts") >= F.lit(begin)) & (F.col("event_ts") < F.lit(end))
    wanted = {str(macro.event) for macro in macros}
    if ANY_EVENT not in wanted:
        in_window = in_window & F.col("event").isin(sorted(wanted))
    attached = events_of_persons(store, store.read(EVENTS).where(in_window), config)
    amount = F.col("amount").cast(SUMMED)
    return attached.select(
        *("person_id", "day", "terminal", "event", "dims_json", "dims"),
        F.lit(1).cast("bigint").alias("n"),
        amount.isNotNull().cast("bigint").alias("amounts"),
        *(amount.alias(name) for name in ("amount", "amount_max", "amount_min")),
        F.col("quantity").cast(SUMMED).alias("quantity"),
        *(F.col("event_ts").alias(name) for name in ("first_ts", "last_ts")),
        F.lit(None).cast("boolean").alias("synthetic"),
        (F.unix_micros(F.lit(end)) - F.unix_micros("event_ts")).alias(AGO),
    )


def happened_within(hours: int) -> Column:
    """Test whether an event of `recent_events` lies in a window of so many hours."""
    return F.col(AGO).between(F.lit(1), F.lit(hours * _HOUR))
