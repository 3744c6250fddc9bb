"""parquet: files whose rows Arrow reads, kept as JSON."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from databank.sources.formats.files import CheckedFileFormat, UnfitError, refuse_repeated
from databank.sources.formats.sharing import read_by_workers, share_out
from databank.sources.units import SourceUnit

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_LARGE = 64 << 20  # bytes; row groups of larger files are read apart


class ParquetFormat(CheckedFileFormat):
    """Parquet files; the position of a row is its number."""

    format: Literal["parquet"]

    def look_into(self, unit: SourceUnit) -> tuple[tuple[str, ...], SourceUnit]:
        """Read the schema."""
        from pyspark.errors import PySparkException
        from pyspark.sql.pandas.types import from_arrow_type

        from databank.sources.formats.parquet_rows import known_type

        schema = _schema(unit)
        for field in schema:
            try:
                from_arrow_type(known_type(field.type), prefer_timestamp_ntz=True)
            except PySparkException:
                raise UnfitError(
                    f"column {field.name} is of type {field.type}, which cannot be read; leave it "
                    "out of the file"
                ) from None
        refuse_repeated(schema.names)
        types = schema.to_string(show_schema_metadata=False, show_field_metadata=False)
        return tuple(schema.names), replace(unit, schema=types)

    def read_raw(
        self, spark: "SparkSession", units: Sequence[SourceUnit], *, root: str
    ) -> "DataFrame":
        """Read rows by Arrow workers; a column may be a number in one file and text in another."""
        from databank.sources.opening import union

        return union(
            [
                self._read(spark, [unit for unit in units if unit.schema == schema])
                for schema in sorted({unit.schema for unit in units})
            ]
        )

    def _read(self, spark: "SparkSession", units: list[SourceUnit]) -> "DataFrame":
        from pyspark.sql import functions as F
        from pyspark.sql.pandas.types import from_arrow_schema

        from databank.sources.formats.parquet_rows import (
            ParquetPiece,
            output_schema,
            pieces_of,
            read_rows,
        )
        from databank.sources.opening import as_json

        given = _schema(units[0])
        schema = output_schema(given.names, given.types)
        large = [unit for unit in units if (unit.size or 0) > _LARGE]
        small = [unit for unit in units if unit not in large]
        tasks = [[piece] for unit in large for piece in pieces_of(unit.name, unit.place)]
        for group in share_out(small, cores=spark.sparkContext.defaultParallelism):
            tasks.append([ParquetPiece(unit.name, unit.place) for unit in group])

        columns = from_arrow_schema(schema, prefer_timestamp_ntz=True)
        rows = read_by_workers(spark, tasks, partial(read_rows, schema=schema), columns)
        fields = {name: F.col(f"c{place}") for place, name in enumerate(given.names)}
        own = {"unit": F.col("file"), "line": F.col("line"), "fault": F.col("fault")}
        return as_json(rows, self.source, fields, **own)


def _schema(unit: SourceUnit) -> "pa.Schema":
    import pyarrow.parquet as pq

    from databank.sources.formats.storage import file_system

    system, inner = file_system(unit.place)
    with system.open_input_file(inner) as stream:
        return pq.read_schema(stream)
