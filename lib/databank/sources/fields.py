"""Columns of one part: typed values from the fields, and identifiers in canonical form."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F

from databank.sources import identifiers as ids
from databank.sources.config import TARGETS, ColumnConfig, SourceConfig, SourcesConfig

FOUND = "array<struct<id_key:bigint,id_type:string,scope:string,id_value:string>>"
_ZONED = r"(?:Z|[+-]\d{1,2}:?\d{2}|[A-Za-z]+/[A-Za-z_]+| [A-Z]{3,4})$"
_LAST_EPOCH = 253402300799  # the last second of the year 9999


@dataclass(frozen=True)
class Part:
    """Files of one source that share their columns.

    Attributes:
        header: Columns of the CSV files; empty for other formats.
        names: Files of the part.
        base: What all names begin with and a hash of the position leaves out.
    """

    source: SourceConfig
    header: tuple[str, ...]
    names: tuple[str, ...]
    base: str


def typed_columns(part: Part) -> list[Column]:
    """c_<name>: the value; e_<name>: the text that could not be read as its type."""
    source, found = part.source, []
    types = TARGETS[source.becomes]
    for name, column in source.columns.items():
        type_ = types.get(name, "string")
        value = _value(column, type_, part)
        found.append(value.alias(f"c_{name}"))
        if type_ != "string":
            found.append(_unreadable(column, value).alias(f"e_{name}"))
    return found


def _text(name: str) -> Column:
    """A field without blanks around it; an empty one is null."""
    trimmed = F.trim(F.col(f"`{name}`"))
    return F.when(trimmed != "", trimmed)


def _value(column: ColumnConfig, type_: str, part: Part) -> Column:
    if column.hash == "row":
        return F.md5(F.col("_in.value"))
    if column.hash == "position":
        name = F.substring(F.col("_in.file"), F.lit(len(part.base) + 1), F.length("_in.file"))
        return F.concat_ws("-", F.lower(F.hex(F.xxhash64(name))), F.col("_in.line"))
    if column.expr is not None:
        return F.expr(column.expr).cast(type_)
    text = _text(column.column or "")
    if column.epoch:
        return _since_epoch(text, column.epoch)
    if type_ == "timestamp":
        return _clock_time(text, part.source.timezone)
    return text.cast(type_)


def _since_epoch(text: Column, unit: str) -> Column:
    count = text.cast("decimal(20,6)")
    seconds = count if unit == "seconds" else count / F.lit(1000)
    micros = (seconds * F.lit(1_000_000)).cast("bigint")
    return F.when(seconds.between(0, _LAST_EPOCH), F.timestamp_micros(micros))


def _clock_time(text: Column, timezone: str) -> Column:
    """ISO 8601 and `yyyy-MM-dd HH:mm:ss`; what names no zone is in the source's zone."""
    # the cast alone would take "2026" and "10:30" too, the latter as of today
    told = F.when(text.rlike(r"^\d{4}-\d{1,2}-\d{1,2}"), text.cast("timestamp"))
    if timezone == "UTC":
        return told
    return F.when(text.rlike(_ZONED), told).otherwise(F.to_utc_timestamp(told, timezone))


def _unreadable(column: ColumnConfig, value: Column) -> Column:
    """The text that is there but gave no value.

    An expression with a condition may give null on purpose and is taken at its word.
    """
    fields = column.refers_to.fields
    if not fields or column.refers_to.conditional:
        return F.lit(None).cast("string")
    present = reduce(lambda a, b: a & b, (_text(name).isNotNull() for name in fields))
    return F.when(present & value.isNull(), F.concat_ws(", ", *(_text(name) for name in fields)))


# ---- identifiers


def id_texts(source: SourceConfig) -> list[Column]:
    """i_<type>: the text as given, s_<type>: its scope ('' = anywhere, null = should be there)."""
    found = []
    for id_type, identifier in source.identifiers.items():
        scope = F.lit(identifier.scope_value or "")
        if identifier.scope:
            scope = _text(identifier.scope)
        origin = F.expr(identifier.expr) if identifier.expr else F.col(f"`{identifier.column}`")
        text = F.trim(origin.cast("string"))
        found += [text.alias(f"i_{id_type}"), scope.alias(f"s_{id_type}")]
    return found


def with_canonical(rows: DataFrame, source: SourceConfig) -> DataFrame:
    """q_<type>: what SQL recognises, l_<type>: what a library makes of the rest."""
    sql, library = [], []
    for id_type, identifier in source.identifiers.items():
        form, text = source.form(id_type), F.col(f"i_{id_type}")
        region = identifier.region
        empty = ids.is_placeholder(text)
        sql.append(empty.alias(f"p_{id_type}"))
        sql.append(F.when(~empty, ids.by_sql(form, text, region=region)).alias(f"q_{id_type}"))
        if ids.needs_python(form):
            left = ~F.col(f"p_{id_type}") & F.col(f"q_{id_type}").isNull()
            rest = ids.by_library(form, F.when(left, text), region=region)
            library.append(rest.alias(f"l_{id_type}"))
    return rows.select("*", *sql).select("*", *library)


def _canonical(id_type: str, source: SourceConfig) -> Column:
    known = F.col(f"q_{id_type}")
    if not ids.needs_python(source.form(id_type)):
        return known
    return F.coalesce(known, F.col(f"l_{id_type}"))


def found_identifiers(source: SourceConfig, config: SourcesConfig) -> tuple[Column, Column]:
    """Identifiers of the row, strongest first, and `type:why` of those that were refused."""
    found, refused = [], []
    for id_type in sorted(source.identifiers, key=config.rank):
        value, scope = _canonical(id_type, source), F.col(f"s_{id_type}")
        made_up = ids.typed_by_hand(source.form(id_type), value)
        sound = value.isNotNull() & ~made_up & scope.isNotNull()
        key = ids.key_of(id_type, scope, value)
        struct = F.struct(
            key.alias("id_key"),
            F.lit(id_type).alias("id_type"),
            scope.alias("scope"),
            value.alias("id_value"),
        )
        found.append(F.when(sound, struct))
        text = F.col(f"i_{id_type}")
        why = (
            F.when(F.col(f"p_{id_type}") | made_up, "placeholder")
            .when(value.isNull(), "malformed")
            .otherwise("no scope")
        )
        given = text.isNotNull() & (text != "")
        cause = F.concat(F.lit(f"{id_type}:"), why)
        refused.append(F.when(given & ~F.coalesce(sound, F.lit(False)), cause))
    if not found:
        return F.array().cast(FOUND), F.array().cast("array<string>")
    return F.array_compact(F.array(*found)), F.array_compact(F.array(*refused))
