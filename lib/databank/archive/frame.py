"""Build the wide frame on which expressions are evaluated: a row per person known on a day."""

from collections.abc import Iterable, Mapping
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.config import ArchiveConfig, TagType
from databank.archive.events import recent_events
from databank.archive.refers import PERSONS
from databank.archive.tables import PERSON_DAY
from databank.archive.window_values import macro_columns
from databank.errors import DataBankError
from databank.expressions import Expression, Macro
from databank.expressions.run_day import RUN_DAY
from databank.identity.entities.subject import PERSONS_THEMSELVES, Subject
from databank.identity.ownership.periods import holds_on
from databank.runs import Context
from databank.sources.tables import EVENTS

_NOTHING: dict[str, int | float | bool] = {"boolean": False, "count": 0.0}
_VALUE = {"text": "value_string", "date": "value_date"}
ROWS_OF_PARTITION = 500_000  # of the archive, or events: some tens of megabytes in a worker
_KEYS_OF_PARTITION = 200_000  # identifiers: a worker holds all values of their persons


def person_frame(
    context: Context,
    expressions: Iterable[Expression],
    config: ArchiveConfig,
    *,
    as_of: date | None = None,
    tags: Mapping[str, TagType] | None = None,
    subject: Subject = PERSONS_THEMSELVES,
) -> DataFrame:
    """Gather what expressions refer to, a column each.

    Of a household or an account, events are those of all its persons, and it is in an audience as
    soon as one of them is.

    Windows of days are answered from the archive; only for those of hours core.events is read as
    well, see `recent_events`.

    Every person known by the end of `as_of` has a row, so that NOT means the complement among
    them. Counts and sums are 0 and yes/no values false where nothing happened.

    Args:
        context: The run.
        expressions: Their macros and the tags among their names are gathered.
        config: Dimensions that filters may use.
        as_of: Default: the run day.
        tags: Type of each tag that may be referred to; names not in it are not gathered.
        subject: Whose frame it is.

    Returns:
        person_id (unique; of an entity its entity_id, so that all frames have one key, and
        `persons`, how many it has), one column per distinct macro (`Macro.column`) and per tag
        (its name), and `RUN_DAY` where an expression asks for it.
    """
    expressions = list(expressions)
    day = as_of or context.day
    macros = list(dict.fromkeys(m for e in expressions for m in e.macros))
    frame = population(context, day) if subject.is_person else _entities(context, subject)
    on_events = [macro for macro in macros if macro.reads_events]
    if on_events:
        archive = context.store.read(PERSON_DAY)
        if not {column.name for column in PERSON_DAY.columns} <= set(archive.columns):
            raise DataBankError(
                f"{PERSON_DAY.name}: was made by an earlier release; run build_archive first"
            )
        persons = context.store.require("identity.person")
        recent = _recent(context, on_events, config, day)
        # Delta's log tells how many rows there are, of identifiers no fewer than persons
        rows = archive.count() + (0 if recent is None else context.store.read(EVENTS).count())
        values = macro_columns(
            subject.in_place_of_persons(context.store, archive),
            frame.select("person_id"),
            on_events,
            as_of=day,
            dimensions=config.names,
            partitions=1 + max(rows // ROWS_OF_PARTITION, persons.count() // _KEYS_OF_PARTITION),
            recent=None if recent is None else subject.in_place_of_persons(context.store, recent),
        )
        frame = values if subject.is_person else frame.join(values, "person_id")
    names = {name for e in expressions for name in e.names} & set(tags or {})
    if names:
        types = {name: kind for name, kind in (tags or {}).items() if name in names}
        frame = frame.join(_tag_columns(context, types, subject), "person_id", "left")
        frame = _fill(frame, {n: _NOTHING[k] for n, k in types.items() if k in _NOTHING})
    for macro in macros:
        if not macro.reads_events:
            results = _result_column(context, macro, day)
            results = subject.in_place_of_persons(context.store, results)
            results = results if subject.is_person else results.distinct()
            frame = frame.join(results, "person_id", "left")
            frame = _fill(frame, {macro.column: macro.spec.empty})
    # as of which all else is, too
    return frame.withColumn(RUN_DAY, F.lit(day)) if any(e.asks_day for e in expressions) else frame


def _recent(
    context: Context, macros: Iterable[Macro], config: ArchiveConfig, day: date
) -> DataFrame | None:
    """Read the events of windows of hours; without such a window core.events is left alone."""
    of_hours = [macro for macro in macros if macro.hours is not None]
    if not of_hours:
        return None
    timezone = context.settings.timezone
    return recent_events(context.store, of_hours, config, as_of=day, timezone=timezone)


def population(context: Context, day: date) -> DataFrame:
    """List person_id of every person who has an identifier on the day."""
    held = context.store.require("identity.person")
    return held.where(holds_on(F.lit(day))).select("person_id").distinct()


def _entities(context: Context, subject: Subject) -> DataFrame:
    """Select every entity of a kind, with the number of its persons."""
    within = subject.members(context.store)
    return within.groupBy(F.col("entity_id").alias("person_id")).agg(F.count("*").alias(PERSONS))


def _fill(frame: DataFrame, values: Mapping[str, int | float | bool | None]) -> DataFrame:
    filled = {
        name: F.coalesce(F.col(name), F.lit(value))
        for name, value in values.items()
        if value is not None
    }
    return frame.withColumns(filled) if filled else frame


def _tag_columns(context: Context, types: Mapping[str, TagType], subject: Subject) -> DataFrame:
    """Turn tags.person_tag or tags.entity_tag wide for the named tags.

    A tag that has been published as another type is an error when the rows are read; that a yes
    has become a text cannot be seen.
    """

    def value(name: str, kind: TagType) -> Column:
        message = f"tag {name!r} is a {kind} by now, and its values are not; rebuild it first"
        failure = F.raise_error(F.lit(message))
        if kind == "boolean":
            column = F.when(F.col("value_string") == "true", F.lit(True)).otherwise(failure)
        elif kind in ("text", "date"):
            column = F.coalesce(F.col(_VALUE[kind]), failure)
        else:
            # top values and preferences have a number, too
            number = F.when(F.col("value_string").isNull(), F.col("value_double"))
            column = F.coalesce(number, failure)
        return F.max(F.when(F.col("tag") == name, column)).alias(name)

    table = subject.pick("tags.person_tag", "tags.entity_tag")
    rows = subject.from_stored(context.store.require(table)).where(F.col("tag").isin(sorted(types)))
    return rows.groupBy("person_id").agg(*(value(n, k) for n, k in sorted(types.items())))


def _result_column(context: Context, macro: Macro, day: date) -> DataFrame:
    """Read the column of a macro that a table of results answers."""
    result = macro.spec.result
    if result is None:
        raise ValueError(f"macro {macro.name} has no table of results")
    rows = context.store.require(result.table)
    if result.by_day:
        rows = rows.where(F.col("day") == F.lit(day))
    if result.name is not None:
        rows = rows.where(F.col(result.name) == F.lit(macro.target))
    value = F.expr(result.value).alias(macro.column)
    return rows.select(F.col(result.person).alias("person_id"), value)
