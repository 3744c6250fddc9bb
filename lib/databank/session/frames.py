"""Frames of rows that are at hand in Python."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.conversion import LocalDataToArrowConversion
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType


def small_frame(
    spark: SparkSession, rows: Iterable[Sequence[Any]], schema: StructType | str
) -> DataFrame:
    """Make rows a part of the plan itself.

    A list given to createDataFrame is sent through a Python worker again at each action, which
    takes longer than most of the work on a small table; a table of Arrow is not.

    Args:
        spark: The session.
        rows: Values in the order of the columns; datetimes carry their time zone.
        schema: Spark's schema, or its text.
    """
    columns = schema if isinstance(schema, StructType) else _parsed(schema)
    return arrow_frame(spark, arrow_table(rows, columns), columns)


def arrow_table(rows: Iterable[Sequence[Any]], schema: StructType) -> pa.Table:
    """Make a table of Arrow as Spark would make it of the same rows."""
    if listed := list(rows):
        return LocalDataToArrowConversion.convert(listed, schema, False)
    return to_arrow_schema(schema, timezone="UTC").empty_table()


def arrow_frame(
    spark: SparkSession, table: pa.Table, schema: StructType | None = None
) -> DataFrame:
    """Make a table of Arrow a part of the plan itself; without a schema Spark takes Arrow's."""
    # Spark reads the batches up to the first empty one, and drops the rest in silence
    if table.num_rows:
        full = [batch for batch in table.to_batches() if batch.num_rows]
        table = pa.Table.from_batches(full, table.schema)
    return spark.createDataFrame(table, schema)


def _parsed(text: str) -> StructType:
    schema = StructType.fromDDL(text)
    if not isinstance(schema, StructType):
        raise TypeError(f"columns are wanted, not {text!r}")
    return schema
