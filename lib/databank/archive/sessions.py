"""Sessions: a person's events of a day over all terminals, parted by a timeout."""

from pyspark.sql import Column, DataFrame, Window, functions as F
from pyspark.sql.window import WindowSpec

from databank.archive.channels import address, origin, with_channel
from databank.archive.config import CHANNEL, PAGE, SessionsConfig
from databank.errors import DataBankError
from databank.expressions import parse_expression
from databank.expressions.numbers import SUMMED


def session_inputs(config: SessionsConfig) -> list[Column]:
    """Compute what sessions need of an event of core.events beside its own columns.

    Returns:
        address (text without its query), origin (struct of url and referrer as they are; null
        where the event tells nothing of where its session came from), and with `dwell` page (what
        is viewed).
    """
    url, referrer = (_text_of(text) for text in (config.url, config.referrer))
    inputs = [address(url).alias("address"), origin(url, referrer).alias("origin")]
    if config.dwell is not None:
        own = config.dwell.page
        page = address(url) if own is None else text_or_null(own)
        inputs.append(page.alias(PAGE))
    return inputs


def text_or_null(text: str) -> Column:
    """Evaluate an expression over core.events as a text; an empty one is no value, as null is."""
    return F.nullif(_text_of(text), F.lit(""))


def _text_of(text: str) -> Column:
    return F.expr(parse_expression(text).sql).cast("string")


def refuse_of_this_name(events: DataFrame, config: SessionsConfig) -> None:
    """Raise if a source has events of the name that sessions have in the archive.

    Raises:
        DataBankError: Naming the source.
    """
    named = events.where(F.col("event").isin(*config.dimensions))
    row = named.select("source", "event").first()
    if row is not None:
        key = "{name: ...}" if row["event"] == config.name else "{dwell: {name: ...}}"
        raise DataBankError(
            f"archive.yml: what is made of sessions is called {row['event']!r} in the archive, and "
            f"source {row['source']!r} has events of this name; give it another one: "
            f"sessions: {key}"
        )


def visits(events: DataFrame, config: SessionsConfig) -> DataFrame:
    """Put the events of a person and day in order, and part them where a pause is too long.

    A session ends with the day of the business time zone, as days of the archive are rebuilt one
    by one: a visit over midnight is two. Events of the same instant are in the order of
    their source and id. Cost: one shuffle and sort of all events by person and day.

    Args:
        events: person_id, day, source, event_id, event_ts, event, terminal, address, origin, and
            with `dwell` page; source and event_id are unique together.
        config: How long a pause may be, and which events count.

    Returns:
        Columns of archive.visit, one row per person_id, day and number. Its origin is that of the
        first event that tells one. With `dwell` also
        `page_views`, see `_with_page_view`, in no order.
    """
    if config.events is not None:
        events = events.where(F.col("event").isin(*config.events))
    days = Window.partitionBy("person_id", "day").orderBy("event_ts", "source", "event_id")
    at, terminal = F.unix_micros("event_ts"), F.nullif("terminal", F.lit(""))
    pause = at - F.lag(at).over(days)
    page = [PAGE] if config.dwell is not None else []
    placed = events.select(
        *("person_id", "day", "event_ts", "source", "event_id", "address", "origin", *page),
        F.row_number().over(days).alias("place"),
        F.coalesce(pause > config.seconds * 1_000_000, F.lit(True)).alias("begins"),
        terminal.alias("terminal"),
        F.lag(terminal).over(days).alias("terminal_before"),
    )
    so_far = days.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    number = F.count_if("begins").over(so_far).cast("int")
    numbered = placed.withColumn("number", number)
    page_views = []
    # most banks ask for none: every event would pay for them
    if config.dwell is not None:
        numbered = _with_page_view(numbered, days)
        page_views = [F.collect_list("page_view").alias("page_views")]
    sessions = numbered.groupBy("person_id", "day", "number")
    # a list of the changes of terminal is short, that of all events need not be
    changed = F.col("begins") | ~F.equal_null("terminal", "terminal_before")
    use = F.when(changed & F.col("terminal").isNotNull(), F.struct("place", "terminal"))
    length = F.unix_micros(F.max("event_ts")) - F.unix_micros(F.min("event_ts"))
    summed = sessions.agg(
        F.min("event_ts").alias("first_ts"),
        F.max("event_ts").alias("last_ts"),
        _in_seconds(length).alias("seconds"),
        F.count("*").alias("events"),
        F.size(F.collect_set("address")).cast("bigint").alias("pages"),
        F.array_sort(F.collect_list(use)).alias("uses"),
        F.min_by("address", _place_of("address")).alias("entry"),
        F.max_by("address", _place_of("address")).alias("exit"),
        F.min_by("origin", _place_of("origin")).alias("origin"),
        *page_views,
    )
    return with_channel(
        summed.select(
            *("person_id", "day", "number", "first_ts", "last_ts", "seconds", "events", "pages"),
            F.array_distinct(F.transform("uses", lambda each: each["terminal"])).alias("terminals"),
            *("entry", "exit", "origin.url", "origin.referrer"),
            *(["page_views"] if page_views else []),
        )
    )


def _with_page_view(numbered: DataFrame, days: WindowSpec) -> DataFrame:
    """Add page_view: which page an event of a session views; null before the first page.

    It is a struct of terminal, page, event_ts, to_next (seconds to the next event of the session,
    null at its end) and own (whether the event names its page, or is on that of the last one
    that does). The order is that of the sessions: nothing is sorted again.
    """
    so_far = days.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    named = F.col(PAGE).isNotNull()
    place = F.struct("number", F.coalesce("terminal", F.lit("")).alias("terminal"), PAGE)
    following = F.lead(F.struct("number", "event_ts")).over(days)
    placed = numbered.withColumns(
        {"on": F.last(F.when(named, place), True).over(so_far), "following": following}
    )
    goes_on = F.col("following.number") == F.col("number")
    pause = F.unix_micros("following.event_ts") - F.unix_micros("event_ts")
    to_next = F.when(goes_on, _in_seconds(pause)).alias("to_next")
    page_view = F.struct("on.terminal", f"on.{PAGE}", "event_ts", to_next, named.alias("own"))
    # the page of a session that has ended is not viewed any more
    here = F.col("on.number") == F.col("number")
    return placed.withColumn("page_view", F.when(here, page_view))


def visit_days(made: DataFrame, name: str) -> DataFrame:
    """Sum sessions to rows of archive.person_day, so that windows can read them.

    Args:
        made: archive.visit.
        name: The event that they are.

    Returns:
        One row per person_id, day, terminal (the first of the session, '' if unknown) and
        channel: n sessions, quantity (seconds), first_ts and last_ts.
    """
    terminal = F.coalesce(F.get("terminals", F.lit(0)), F.lit("")).alias("terminal")
    summed = made.groupBy("person_id", "day", terminal, CHANNEL).agg(
        F.count("*").alias("n"),
        F.sum("seconds").cast(SUMMED).alias("quantity"),
        F.min("first_ts").alias("first_ts"),
        F.max("last_ts").alias("last_ts"),
    )
    return _as_events(summed, name, CHANNEL)


def dwell_days(made: DataFrame, name: str) -> DataFrame:
    """Sum time on pages to rows of archive.person_day, so that windows can read it.

    Args:
        made: `visits`, with its page_views.
        name: The event that it is.

    Returns:
        One row per person_id, day, terminal ('' if unknown) and page: n page views, quantity
        (seconds; null if each was the end of its session), first_ts and last_ts (of events there).
    """
    page_views = made.select("person_id", "day", F.inline("page_views"))
    summed = page_views.groupBy("person_id", "day", "terminal", PAGE).agg(
        F.count_if("own").alias("n"),
        F.sum("to_next").cast(SUMMED).alias("quantity"),
        F.min("event_ts").alias("first_ts"),
        F.max("event_ts").alias("last_ts"),
    )
    return _as_events(summed, name, PAGE)


def _as_events(summed: DataFrame, name: str, dimension: str) -> DataFrame:
    """Shape sums as rows of archive.person_day."""
    dims = F.create_map(F.lit(dimension), dimension)
    return summed.select(
        *("person_id", "day", "terminal", "n", "quantity", "first_ts", "last_ts"),
        F.lit(name).alias("event"),
        F.to_json(dims).alias("dims_json"),
        dims.alias("dims"),
        F.lit(True).alias("synthetic"),
    )


def _in_seconds(microseconds: Column) -> Column:
    return (microseconds / 1_000_000).cast("decimal(9,3)")


def _place_of(name: str) -> Column:
    """Give the place of an event that has a value; null without one, which is never taken."""
    return F.when(F.col(name).isNotNull(), F.col("place"))
