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
    rest = map_of({name: value for name, value in fields.items() if name not in gone})
    named = {name: fields[name] if name in fields else F.lit(None) for name in source.fields()}
    return records.select("_record", bad.alias("_bad"), rest.alias("_rest"), *_with_texts(named))


def open_json(records: DataFrame, source: MappedSource) -> DataFrame:
    """Read records that are JSON objects; returns what `opened` does.

    Reading a record twice, as a struct and as a map, is cheaper than one search of the map for
    each field.
    """
    value, names = F.col("_record.value"), source.fields()
    wanted = StructType([StructField(name, StringType()) for name in names])
    gone = sorted(dropped_fields(source))
    # parsed and filtered in one expression: entries of a map that comes from a row are slow to
    # reach
    rest = F.map_filter(
        F.from_json(value, "map<string,string>"),
        lambda name, text: text.isNotNull() & ~name.isin(gone),
    )
    row = F.from_json(value, wanted)
    parsed = records.select("_record", row.alias("_row"), rest.alias("_rest"))
    return parsed.select(
        "_record",
        F.when(F.col("_rest").isNull(), F.lit("not JSON")).alias("_bad"),
        "_rest",
        *_with_texts({name: F.col("_row")[name] for name in names}),
    )


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


def as_json(rows: DataFrame, source: str, unit: Column) -> DataFrame:
    """Make records of raw.record out of rows: each as JSON, without a position."""
    fields = F.struct(*(F.col(f"`{name}`") for name in rows.columns))
    return rows.select(
        F.lit(source).alias("source"),
        unit.alias("file"),
        F.lit(None).cast("bigint").alias("line"),
        F.lit(None).cast("string").alias("fault"),
        F.to_json(fields).alias("value"),
    )


def union(frames: Sequence[DataFrame]) -> DataFrame:
    """Put frames of the same columns below each other."""
    return reduce(DataFrame.unionByName, frames)
