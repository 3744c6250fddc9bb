"""parquet: files whose rows Spark reads, kept as JSON."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from databank.sources.formats.files import CheckedFileFormat
from databank.sources.units import SourceUnit

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class ParquetFormat(CheckedFileFormat):
    """Parquet files; their rows have no position."""

    has_positions: ClassVar[bool] = False

    format: Literal["parquet"]

    def look_into(self, unit: SourceUnit) -> tuple[tuple[str, ...], SourceUnit]:
        """Read the schema."""
        import pyarrow.parquet as pq

        from databank.sources.formats.storage import file_system

        system, inner = file_system(unit.place)
        schema = pq.read_schema(inner, filesystem=system)
        types = schema.to_string(show_schema_metadata=False)
        return tuple(schema.names), replace(unit, schema=types)

    def read_raw(
        self, spark: "SparkSession", units: Sequence[SourceUnit], *, root: str
    ) -> "DataFrame":
        """Read files by Spark; a column may be a number in one file and text in another."""
        from databank.sources.opening import union

        return union(
            [
                self._read(spark, [unit for unit in units if unit.schema == schema], root)
                for schema in sorted({unit.schema for unit in units})
            ]
        )

    def _read(self, spark: "SparkSession", units: list[SourceUnit], root: str) -> "DataFrame":
        from pyspark.sql import functions as F

        from databank.sources.formats.storage import file_system
        from databank.sources.opening import as_json

        rows = spark.read.parquet(*(unit.place for unit in units))
        # paths come back as URIs: %20 for a blank, but + for a plus
        uri = F.expr("url_decode(replace(_metadata.file_path, '+', '%2B'))")
        path = F.regexp_replace(uri, "^file:/+", "/")
        local = root.startswith(("/", "file:"))
        prefix = f"{file_system(root)[1].rstrip('/')}/" if local else f"{root.rstrip('/')}/"
        inside = F.substring(path, F.lit(len(prefix) + 1), F.length(path))
        name = F.when(F.startswith(path, F.lit(prefix)), inside).otherwise(path)
        return as_json(rows, self.source, name)
