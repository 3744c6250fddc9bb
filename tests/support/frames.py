"""Small DataFrames from text that reads like a table."""

from pyspark.sql import DataFrame, SparkSession, functions as F
from pyspark.sql.types import StringType, StructField, StructType

from databank.session import small_frame


def frame(spark: SparkSession, schema: str, text: str) -> DataFrame:
    """Parse one row per line, cells split by ``|``; an empty cell is NULL.

    Cells are cast by Spark in its own time zone (UTC), so that the machine's never matters.
    """
    fields = StructType.fromDDL(schema).fields
    lines = [line.split("|") for line in text.strip().splitlines()]
    rows = [tuple(cell.strip() or None for cell in line) for line in lines]
    raw = StructType([StructField(field.name, StringType()) for field in fields])
    cells = [F.col(field.name).cast(field.dataType).alias(field.name) for field in fields]
    return small_frame(spark, rows, raw).select(*cells)
