"""Records as received become named fields: the part of parsing that differs by format."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, Protocol

from pyspark.sql import Column, DataFrame, functions as F
from pyspark.sql.types import StringType, StructField, StructType

from databank.sources.mapping import TARGETS


class MappedSource(Protocol):
    """A source, as far as the names of its fields go."""

    @property
    def becomes(self) -> Any:
        """Table of core: events, profiles or items."""
        ...

    @property
    def columns(self) -> Mapping[str, Any]:
        """Columns of the configuration by name."""
        ...

    def fields(self) -> tuple[str, ...]:
        """Name the fields that columns and identifiers read."""
        ...

    def consumed(self) -> frozenset[str]:
        """Name the fields that do not go to props."""
        ...

    @property
    def null_words(self) -> tuple[str, ...]:
        """Texts that say that there is no value."""
        ...


def opened(
    records: DataFrame, source: MappedSource, *, bad: Column, fields: Mapping[str, Column]
) -> DataFrame:
    """Name the fields of records.

    Args:
        records: _record (struct of file, line, fault, value), and what the other arguments use.
        source: Whose records they are.
        bad: Why a record cannot be read; null for one that can.
        fields: All fields of a record, as text.

    Returns:
        _record, _bad, _rest (a map of the fields that no column and no identifier uses), and for
        each field that the configuration names the field itself and _text_<field>: without blanks
        around it, null if empty.
    """
    gone = dropped_fields(source)
    if source.null_words:
        fields = {name: _known(value, source) for name, value in fields.items()}
    rest = map_of({name: value for name, value in fields.items() if name not in gone})
    named = {name: fields[name] if name in fields else F.lit(None) for name in source.fields()}
    return records.select("_record", bad.alias("_bad"), rest.alias("_rest"), *_with_texts(named))


def open_json(records: DataFrame, source: MappedSource) -> DataFrame:
    """Read records that are JSON objects; returns what `opened` does.

    Reading a record twice, as a struct and as a map, is cheaper than one search of the map for
    each field. Of a key that is given twice the last value counts, as in Python and JavaScript.
    """
    names = source.fields()
    wanted = StructType([StructField(name, StringType()) for name in names])
    gone = sorted(dropped_fields(source))
    # a column of its own is computed once
    exact = records.select("_record", _with_exact_numbers(F.col("_record.value")).alias("_json"))
    # parsed and filtered in one expression: entries of a map that comes from a row are slow to
    # reach
    entries = F.filter(
        F.map_entries(F.from_json("_json", "map<string,string>")),
        lambda entry: _known(entry["value"], source).isNotNull() & ~entry["key"].isin(gone),
    )
    as_given = F.transform(
        entries, lambda e: F.struct(e["key"].alias("key"), _as_given(e["value"]).alias("value"))
    )
    rest = F.when(F.contains("_json", F.lit(_MARK)), as_given).otherwise(entries)
    row = F.from_json("_json", wanted)
    parsed = exact.select("_record", row.alias("_row"), F.map_from_entries(rest).alias("_rest"))
    return parsed.select(
        "_record",
        F.when(F.col("_rest").isNull(), F.lit("not JSON")).alias("_bad"),
        "_rest",
        *_with_texts({name: _known(_as_given(F.col("_row")[name]), source) for name in names}),
    )


# Spark's parser makes doubles of numbers with a fraction, 1.10 would be 1.1: before it sees them
# they become texts that begin with this sign, which no alphabet has
_MARK = "\uf8ff"
_FRACTION = r"-?[0-9]++(?:[.][0-9]++(?:[eE][+-]?[0-9]++)?+|[eE][+-]?[0-9]++)"
# a value that begins like one; times in texts do not, and most records have no such number
_BEGINS = r"[:,\[](?<![0-9]:)\s*+-?+[0-9]++[.eE][0-9+-]"
# up to the next number with a fraction: texts, whole numbers, and all that is neither
_BEFORE = r'(?:[^"0-9-]++|"(?:[^"\\]++|\\.)*+"|-?+[0-9]++(?![.eE0-9])|-(?![0-9]))*+'


def _with_exact_numbers(json: Column) -> Column:
    """Put numbers that have a fraction or an exponent into marked texts."""
    marked = F.regexp_replace(json, F.lit(rf"\G({_BEFORE})({_FRACTION})"), F.lit(f'$1"{_MARK}$2"'))
    return F.when(json.rlike(_BEGINS), marked).otherwise(json)


def _as_given(text: Column) -> Column:
    """Take the marks away again, and the quotes of numbers inside of objects and lists."""
    plain = F.regexp_replace(text, F.lit(f'"{_MARK}([^"]*+)"|{_MARK}'), F.lit("$1"))
    return F.when(F.contains(text, F.lit(_MARK)), plain).otherwise(text)


def _known(text: Column, source: MappedSource) -> Column:
    """Give a text unless it is a word that says that there is none."""
    words = source.null_words
    return F.when(~F.trim(text).isin(*words), text) if words else text


def extra_columns(source: MappedSource) -> list[str]:
    """List the declared columns that core lacks; they go to props or attributes."""
    return [name for name in source.columns if name not in TARGETS[source.becomes]]


def dropped_fields(source: MappedSource) -> set[str]:
    """List fields that need not be kept, or whose name a declared column takes."""
    return {*source.consumed(), *extra_columns(source)}


def map_of(values: Mapping[str, Column]) -> Column:
    """Make a map of the values that are not null."""
    if not values:
        return F.create_map().cast("map<string,string>")
    entries = [
        F.when(value.isNotNull(), F.struct(F.lit(name).alias("name"), value.alias("text")))
        for name, value in values.items()
    ]
    return F.map_from_entries(F.array_compact(F.array(*entries)))


def _with_texts(fields: Mapping[str, Column]) -> list[Column]:
    texts = {f"_text_{name}": F.nullif(F.trim(field), F.lit("")) for name, field in fields.items()}
    return [column.alias(name) for name, column in (dict(fields) | texts).items()]


# ---- reading rows that Spark can read


# all that Spark knows of a moment
_AS_WRITTEN = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}


def as_json(
    rows: DataFrame,
    source: str,
    fields: Mapping[str, Column],
    *,
    unit: Column,
    line: Column | None = None,
    fault: Column | None = None,
) -> DataFrame:
    """Make records of raw.record out of rows: each as JSON; one with a fault has no value."""
    value = F.to_json(F.struct(*(field.alias(name) for name, field in fields.items())), _AS_WRITTEN)
    line = F.lit(None) if line is None else line
    fault = F.lit(None) if fault is None else fault
    return rows.select(
        F.lit(source).alias("source"),
        unit.alias("file"),
        line.cast("bigint").alias("line"),
        fault.cast("string").alias("fault"),
        F.when(fault.isNull(), value).alias("value"),
    )


def union(frames: Sequence[DataFrame]) -> DataFrame:
    """Put frames of the same columns below each other."""
    return reduce(DataFrame.unionByName, frames)
