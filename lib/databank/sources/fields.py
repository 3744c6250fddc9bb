"""Fields of one group become columns that all sources share; what differs by source ends here."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F
from pyspark.sql.types import StringType, StructField, StructType

from databank.sources.config import TARGETS, ColumnConfig, SourceConfig, SourcesConfig
from databank.sources.forms import FORMS
from databank.sources.identifiers import IdentifierField, given_column

KEY = {"events": "event_id", "profiles": "record_id", "items": "item_id"}
STAMP = {"events": "event_ts", "profiles": "updated_ts", "items": "updated_ts"}
_ZONED = r"(?:Z|[+-]\d{1,2}:?\d{2}|[A-Za-z]+/[A-Za-z_]+| [A-Z]{3,4})$"
_LAST_EPOCH = 253402300799  # the last second of the year 9999


@dataclass(frozen=True)
class ParseGroup:
    """Files of one source that share their columns.

    Attributes:
        header: Columns of the CSV files; empty for other formats.
        names: Files of the group.
        base: What all names begin with and a hash of the position leaves out.
    """

    source: SourceConfig
    header: tuple[str, ...]
    names: tuple[str, ...]
    base: str


def identifier_field(source: SourceConfig, id_type: str) -> IdentifierField:
    """Tell the field that an identifier of a source goes to; only some forms differ by region."""
    form = source.form(id_type)
    return IdentifierField(
        id_type, form, source.identifiers[id_type].region if FORMS[form].by_region else ""
    )


def identifier_fields(groups: Iterable[ParseGroup], config: SourcesConfig) -> list[IdentifierField]:
    """List the identifiers that the groups read, strongest type first."""
    found = {
        identifier_field(group.source, id_type)
        for group in groups
        for id_type in group.source.identifiers
    }
    return sorted(
        found,
        key=lambda identifier: (
            config.rank(identifier.id_type),
            identifier.form,
            identifier.region,
        ),
    )


def extract(records: DataFrame, group: ParseGroup, fields: Iterable[IdentifierField]) -> DataFrame:
    """Read the fields of a group's records.

    Args:
        records: file, line, fault, value of raw.record.
        group: What they are.
        fields: Identifiers of the whole load.

    Returns:
        source, kind, file, line, fault, raw, bad (why the record cannot be read), earliest, then
        key, ts, event, terminal, page, item, quantity, amount, campaign; unread_ts,
        unread_quantity and unread_amount (a text that could not be read as its type); fields (all
        the rest); and the text and scope of each identifier field.
    """
    source = group.source
    mine = records.where(F.col("source") == source.source).where(F.col("file").isin(*group.names))
    if group.header:
        mine = mine.where("line > 1")
    packed = mine.select(F.struct("file", "line", "fault", "value").alias("_record"))
    opened = _open_csv(packed, group) if group.header else _open_json(packed, source)
    typed = opened.select("_record", "_bad", "_rest", *_values(group), *_identifiers(source))
    kind, types = source.becomes, TARGETS[source.becomes]

    def value(name: str) -> Column:
        return F.col(f"_column_{name}") if name in source.columns else F.lit(None)

    def unread(name: str) -> Column:
        return F.col(f"_unread_{name}") if name in source.columns else F.lit(None)

    terminal = F.lit(source.terminal) if source.terminal else value("terminal")
    columns = {"key": value(KEY[kind]), "ts": value(STAMP[kind])}
    columns |= {"item": value("item_id") if kind == "events" else F.lit(None)}
    columns |= {name: value(name) if name in types else F.lit(None) for name in _OTHERS}
    columns["terminal"] = terminal if kind == "events" else F.lit(None)
    columns["unread_ts"] = unread(STAMP[kind])
    columns |= {f"unread_{name}": unread(name) for name in ("quantity", "amount")}
    given = {identifier_field(source, id_type): id_type for id_type in source.identifiers}
    for n, field in enumerate(fields):
        for part in ("text", "scope"):
            own = F.col(f"_id_{part}_{given[field]}") if field in given else F.lit(None)
            columns[given_column(n, part)] = own
    return typed.select(
        F.lit(source.source).alias("source"),
        F.lit(kind).alias("kind"),
        *(F.col(f"_record.{name}") for name in ("file", "line", "fault")),
        F.col("_record.value").alias("raw"),
        F.col("_bad").alias("bad"),
        F.lit(source.earliest).alias("earliest"),
        *(column.cast(_TYPES.get(name, "string")).alias(name) for name, column in columns.items()),
        _rest(source).alias("fields"),
    )


_OTHERS = ("event", "page", "quantity", "amount", "campaign")
_TYPES = {"ts": "timestamp", "quantity": "decimal(18,3)", "amount": "decimal(18,2)"}


# ---- opening


def _open_json(records: DataFrame, source: SourceConfig) -> DataFrame:
    """_record, _bad, _rest (fields that no column and no identifier uses), and the named fields.

    Reading a record twice, as a struct and as a map, is cheaper than one search of the map for
    each field.
    """
    value, names = F.col("_record.value"), source.fields()
    wanted = StructType([StructField(name, StringType()) for name in names])
    gone = sorted(_gone(source))
    # parsed and filtered in one expression: entries of a map that comes from a row are slow to
    # reach
    rest = F.map_filter(
        F.from_json(value, "map<string,string>"),
        lambda name, text: text.isNotNull() & ~name.isin(gone),
    )
    parsed = records.select(
        "_record", F.from_json(value, wanted).alias("_row"), rest.alias("_rest")
    )
    return parsed.select(
        "_record",
        F.when(F.col("_rest").isNull(), F.lit("not JSON")).alias("_bad"),
        "_rest",
        *_named(source, {name: F.col("_row")[name] for name in names}),
    )


def _open_csv(records: DataFrame, group: ParseGroup) -> DataFrame:
    """The same of CSV: fields are found by their place."""
    names = {header: f"c{i}" for i, header in enumerate(group.header)}
    schema = ", ".join(f"{name} string" for name in [*names.values(), "_rest"])
    options = {
        "sep": group.source.delimiter,
        "escape": '"',
        "columnNameOfCorruptRecord": "_rest",
        "mode": "PERMISSIVE",
    }
    parsed = records.withColumn("_row", F.from_csv("_record.value", F.lit(schema), options))
    told = F.lit(f"not as many fields as the header has ({len(names)})")
    bad = F.when(F.col("_row").isNull() | F.col("_row._rest").isNotNull(), told)
    kept = [header for header in group.header if header not in _gone(group.source)]
    fields = {name: F.col(f"_row.{names[name]}") for name in group.source.fields()}
    return parsed.select(
        "_record",
        bad.alias("_bad"),
        _map({header: F.col(f"_row.{names[header]}") for header in kept}).alias("_rest"),
        *_named(group.source, fields),
    )


def _named(source: SourceConfig, fields: dict[str, Column]) -> list[Column]:
    """Fields under their own names, and _text_<name>: without blanks around it, null if empty."""
    texts = {f"_text_{name}": F.nullif(F.trim(value), F.lit("")) for name, value in fields.items()}
    return [value.alias(name) for name, value in (fields | texts).items()]


def _gone(source: SourceConfig) -> set[str]:
    """Fields that need not be kept, or whose name a declared column takes."""
    return {*source.consumed(), *_extra(source)}


def _extra(source: SourceConfig) -> list[str]:
    return [name for name in source.columns if name not in TARGETS[source.becomes]]


def _rest(source: SourceConfig) -> Column:
    """Fields that are no column and no identifier, and declared columns that core lacks."""
    extra = _extra(source)
    if not extra:
        return F.col("_rest")
    return F.map_concat("_rest", _map({name: F.col(f"_column_{name}") for name in extra}))


def _map(values: dict[str, Column]) -> Column:
    """A map of what is not null."""
    if not values:
        return F.create_map().cast("map<string,string>")
    entries = [
        F.when(value.isNotNull(), F.struct(F.lit(name).alias("name"), value.alias("text")))
        for name, value in values.items()
    ]
    return F.map_from_entries(F.array_compact(F.array(*entries)))


# ---- columns


def _values(group: ParseGroup) -> list[Column]:
    """Name each value _column_<name>, and a text that could not be read _unread_<name>."""
    found = []
    for name, column in group.source.columns.items():
        type_ = TARGETS[group.source.becomes].get(name, "string")
        value = _value(column, type_, group)
        found.append(value.alias(f"_column_{name}"))
        if type_ != "string":
            found.append(_unread(column, value).alias(f"_unread_{name}"))
    return found


def _text(name: str) -> Column:
    return F.col(f"`_text_{name}`")


def _value(column: ColumnConfig, type_: str, group: ParseGroup) -> Column:
    if column.hash == "row":
        return F.md5(F.col("_record.value"))
    if column.hash == "position":
        name = F.substring(
            F.col("_record.file"), F.lit(len(group.base) + 1), F.length("_record.file")
        )
        return F.concat_ws("-", F.lower(F.hex(F.xxhash64(name))), F.col("_record.line"))
    if column.expr is not None:
        return F.expr(column.expr).cast(type_)
    text = _text(column.column or "")
    if column.epoch:
        return _since_epoch(text, column.epoch)
    if type_ == "timestamp":
        return _clock_time(text, group.source.timezone)
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


def _unread(column: ColumnConfig, value: Column) -> Column:
    """The text that is there but gave no value.

    An expression with a condition may give null on purpose and is taken at its word.
    """
    fields = column.refers_to.fields
    if not fields or column.refers_to.conditional:
        return F.lit(None).cast("string")
    present = reduce(lambda a, b: a & b, (_text(name).isNotNull() for name in fields))
    return F.when(present & value.isNull(), F.concat_ws(", ", *(_text(name) for name in fields)))


def _identifiers(source: SourceConfig) -> list[Column]:
    """Name the text of each identifier _id_text_<type>, and its scope _id_scope_<type>."""
    columns = list[Column]()
    for id_type, identifier in source.identifiers.items():
        scope = _text(identifier.scope) if identifier.scope else F.lit(identifier.scope_value or "")
        origin = F.expr(identifier.expr) if identifier.expr else F.col(f"`{identifier.column}`")
        text = F.trim(origin.cast("string"))
        columns += [text.alias(f"_id_text_{id_type}"), scope.alias(f"_id_scope_{id_type}")]
    return columns
