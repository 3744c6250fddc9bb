"""Fields of records become columns that all sources share; what differs by source ends here."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F

from databank.expressions.guard import guarded
from databank.expressions.numbers import DECIMAL, DIGITS
from databank.session import with_settings
from databank.session.analysed import refuse_foreign_texts
from databank.sources.config import SourcesConfig
from databank.sources.formats.base import SourceFormat
from databank.sources.forms import FORMS
from databank.sources.identifiers import IdentifierField, given_column
from databank.sources.mapping import TARGETS, ColumnConfig, RegionField
from databank.sources.opening import extra_columns, map_of
from databank.sources.spelling import BLANKS
from databank.sources.units import SourceUnit

KEY = {"events": "event_id", "profiles": "record_id", "items": "item_id"}
STAMP = {"events": "event_ts", "profiles": "updated_ts", "items": "updated_ts"}
_OTHERS = ("event", "page", "quantity", "amount", "campaign")
_TYPES = {"ts": "timestamp", "quantity": DECIMAL, "amount": DECIMAL}
_LAST_EPOCH = 253402300799  # the last second of the year 9999


@dataclass(frozen=True)
class ParseGroup:
    """Units of one source that share their columns, and are parsed by one expression.

    Attributes:
        columns: Columns of each unit; empty for a format whose records name them.
        units: Names of the units.
        base: What these names begin with and a hash of the position leaves out.
        header_line: Where the header of each unit is; 0 = they have none.
    """

    source: SourceFormat
    columns: tuple[str, ...]
    units: tuple[str, ...]
    base: str = ""
    header_line: int = 0


def make_groups(
    units: Sequence[SourceUnit], sources: Mapping[str, SourceFormat]
) -> list[ParseGroup]:
    """Group the units to parse by source and columns."""
    groups: dict[tuple[str, tuple[str, ...], int], list[SourceUnit]] = {}
    for unit in units:
        groups.setdefault((unit.source, unit.columns, unit.header_line), []).append(unit)
    return [
        ParseGroup(
            sources[name],
            columns,
            tuple(sorted(unit.name for unit in group)),
            base=group[0].base,
            header_line=header_line,
        )
        for (name, columns, header_line), group in sorted(groups.items())
    ]


def identifier_field(source: SourceFormat, id_type: str) -> IdentifierField:
    """Tell the field that an identifier of a source goes to; only some forms differ by region."""
    form, region = source.form(id_type), source.identifiers[id_type].region
    if not FORMS[form].by_region:
        return IdentifierField(id_type, form, "")
    if isinstance(region, RegionField):
        return IdentifierField(id_type, form, "", region_by_record=True)
    return IdentifierField(id_type, form, region)


def identifier_fields(groups: Iterable[ParseGroup], config: SourcesConfig) -> list[IdentifierField]:
    """List the identifiers that the groups read, strongest type first."""
    fields = {
        identifier_field(group.source, id_type)
        for group in groups
        for id_type in group.source.identifiers
    }
    return sorted(fields, key=lambda field: (config.rank(field.id_type), field.form, field.region))


def extract(records: DataFrame, group: ParseGroup, fields: Iterable[IdentifierField]) -> DataFrame:
    """Read the fields of a group's records.

    Args:
        records: file, line, fault, value of raw.record.
        group: What they are.
        fields: Identifiers of the whole load.

    Returns:
        source, kind, file, line, fault, raw, bad (why the record cannot be read), earliest (null =
        not given), then key, ts, event, terminal, page, item, quantity, amount, campaign;
        unread_ts, unread_quantity and unread_amount (a text that could not be read as its type);
        fields (all the rest); and the text and scope of each identifier field.
    """
    source = group.source
    own = records.where(F.col("source") == source.source).where(F.col("file").isin(*group.units))
    if group.header_line:
        own = own.where(F.col("line") > group.header_line)
    packed = own.select(F.struct("file", "line", "fault", "value").alias("_record"))
    opened = source.open_records(packed, group.columns)
    # Spark writes the session's zone into each expression when it is analysed, which is as soon as
    # it is selected: those of a source read what names no zone in the zone of the source
    zone = {"spark.sql.session.timeZone": source.timezone}
    with with_settings(records.sparkSession, zone):
        refuse_foreign_texts(records.sparkSession, opened.schema, _texts_of(source))
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
        for part in ("text", "scope", *(("region",) if field.region_by_record else ())):
            named = F.col(f"_id_{part}_{given[field]}") if field in given else F.lit(None)
            columns[given_column(n, part)] = named
    return typed.select(
        F.lit(source.source).alias("source"),
        F.lit(kind).alias("kind"),
        *(F.col(f"_record.{name}") for name in ("file", "line", "fault")),
        F.col("_record.value").alias("raw"),
        F.col("_bad").alias("bad"),
        F.lit(source.earliest).cast("date").alias("earliest"),
        *(column.cast(_TYPES.get(name, "string")).alias(name) for name, column in columns.items()),
        _rest(source).alias("fields"),
    )


def _texts_of(source: SourceFormat) -> dict[str, str]:
    """List the expressions of a source by what they are."""
    place = f"conf/sources: source {source.source!r}"
    named = (("columns", source.columns), ("identifiers", source.identifiers))
    return {
        f"{place}: {kind}.{name}": each.expr
        for kind, entries in named
        for name, each in entries.items()
        if each.expr is not None
    }


def _rest(source: SourceFormat) -> Column:
    """Map the fields that are no column and no identifier, and declared columns that core lacks."""
    extra = extra_columns(source)
    if not extra:
        return F.col("_rest")
    return F.map_concat("_rest", map_of({name: F.col(f"_column_{name}") for name in extra}))


def _values(group: ParseGroup) -> list[Column]:
    """Name each value _column_<name>, and a text that could not be read _unread_<name>."""
    values = []
    for name, column in group.source.columns.items():
        type_ = TARGETS[group.source.becomes].get(name, "string")
        value = _value(column, type_, group)
        values.append(value.alias(f"_column_{name}"))
        if type_ != "string":
            values.append(_unread(column, value, type_).alias(f"_unread_{name}"))
    return values


def _text(name: str) -> Column:
    return F.col(f"`_text_{name}`")


def _value(column: ColumnConfig, type_: str, group: ParseGroup) -> Column:
    if column.hash == "row":
        return F.md5(F.col("_record.value"))
    if column.hash == "position":
        file = F.col("_record.file")
        name = F.substring(file, F.lit(len(group.base) + 1), F.length(file))
        return F.concat_ws("-", F.lower(F.hex(F.xxhash64(name))), F.col("_record.line"))
    if column.expr is not None:
        value = F.expr(column.expr)
        return (
            _clock_time(value, value.cast("string")) if type_ == "timestamp" else value.cast(type_)
        )
    text = _text(column.column or "")
    if column.concat:
        text = F.concat_ws(" ", *(_text(name) for name in column.concat))
    if column.epoch:
        return _since_epoch(text, column.epoch)
    if column.format:
        return F.try_to_timestamp(text, F.lit(column.format))
    if type_ == "timestamp":
        return _clock_time(text, text)
    if type_ != "string":
        return _plain_number(text, group.source).cast(type_)
    return text.cast(type_)


def _since_epoch(text: Column, unit: str) -> Column:
    per_second = {"seconds": 1, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}[unit]
    seconds = text.cast("decimal(30,6)") / F.lit(int(per_second))
    micros = (seconds * F.lit(1_000_000)).cast("bigint")
    return F.when(seconds.between(0, _LAST_EPOCH), F.timestamp_micros(micros))


def _clock_time(value: Column, text: Column) -> Column:
    """Read ISO 8601 and `yyyy-MM-dd HH:mm:ss`; what names no zone is in the session's."""
    # the cast alone would take "2026" and "10:30" too, the latter as of today
    return F.when(text.rlike(r"^\d{4}-\d{1,2}-\d{1,2}"), value.cast("timestamp"))


def _plain_number(text: Column, source: SourceFormat) -> Column:
    """Write a number with a decimal point and without signs between thousands."""
    if source.thousands:
        sign = re.escape(source.thousands)
        # a sign counts between groups of three digits only
        grouped = text.rlike(rf"^[+-]?\d{{1,3}}(?:{sign}\d{{3}})+(?!{sign}|\d)")
        text = F.when(grouped, F.replace(text, F.lit(source.thousands), F.lit(""))).otherwise(text)
    if source.decimal == ",":
        # a point is no decimal sign here
        text = F.when(~F.contains(text, F.lit(".")), F.replace(text, F.lit(","), F.lit(".")))
    return text


def _unread(column: ColumnConfig, value: Column, type_: str) -> Column:
    """Give the text that is there but gave no value.

    An expression may give null; what is refused is a conversion in it that could not read what it
    was given, and a value that is not of the column's type.
    """
    refers_to = column.refers_to
    if not refers_to.fields:
        return F.lit(None).cast("string")
    if column.expr is None:
        texts = [_text(name) for name in refers_to.fields]
        present = reduce(lambda a, b: a | b, (text.isNotNull() for text in texts))
        given = F.concat_ws(" ", *texts)
        return F.when(present & value.isNull(), F.concat(_quoted(given), _why_not(given, type_)))
    parts = [
        (F.expr(each.text), F.expr(each.operand).cast("string"), each.text)
        for each in refers_to.conversions
    ]
    parts.append((value, F.expr(column.expr).cast("string"), column.expr))
    faults = [
        F.when(
            F.nullif(F.trim(given), F.lit("")).isNotNull() & converted.isNull(),
            F.concat(_quoted(given), F.lit(f" in {text}"), _why_not(given, type_)),
        )
        for converted, given, text in parts
    ]
    if type_ == DECIMAL:
        given = _quoted(F.concat_ws(" ", *(_text(name) for name in refers_to.fields)))
        more = F.concat(given, F.lit(f" in {column.expr} (more digits than a number may have)"))
        faults += [F.when(F.expr(each), more) for each in guarded(column.expr).overflows]
    return F.coalesce(*faults)


def _why_not(given: Column, type_: str) -> Column:
    """Say of a number that it has too many digits; '' of another text."""
    if type_ != DECIMAL:
        return F.lit("")
    too_large = F.lit(f" (a number of more than {DIGITS} digits before the point)")
    is_large = given.rlike(r"^\s*[+-]?(\d{21,}(\.\d*)?|\d+(\.\d*)?[eE]\+?\d{2,})\s*$")
    return F.when(is_large, too_large).otherwise("")


def _quoted(text: Column) -> Column:
    return F.concat(F.lit('"'), F.substring(text, 1, 200), F.lit('"'))


def _identifiers(source: SourceFormat) -> list[Column]:
    """Name the text of each identifier _id_text_<type>, and its scope _id_scope_<type>."""
    columns = list[Column]()
    for id_type, identifier in source.identifiers.items():
        scope = _text(identifier.scope) if identifier.scope else F.lit(identifier.scope_value or "")
        origin = F.expr(identifier.expr) if identifier.expr else F.col(f"`{identifier.column}`")
        text = F.btrim(origin.cast("string"), F.lit(BLANKS))
        columns += [text.alias(f"_id_text_{id_type}"), scope.alias(f"_id_scope_{id_type}")]
        if isinstance(identifier.region, RegionField):
            region = F.coalesce(F.upper(_text(identifier.region.column)), F.lit(""))
            columns.append(region.alias(f"_id_region_{id_type}"))
    return columns
