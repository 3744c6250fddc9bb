"""Small DataFrames from text that reads like a table."""

from pyspark.sql import DataFrame, SparkSession, functions as F
from pyspark.sql.types import StringType, StructField, StructType


def frame(spark: SparkSession, schema: str, text: str) -> DataFrame:
    """Parse one row per line, cells split by ``|``; an empty cell is NULL.

    Cells are cast by Spark in its own time zone (UTC), so that the machine's never matters.
    """
    fields = spark.createDataFrame([], schema).schema.fields
    lines = [line.split("|") for line in text.strip().splitlines()]
    rows = [tuple(cell.strip() or None for cell in line) for line in lines]
    raw = StructType([StructField(field.name, StringType()) for field in fields])
    cells = [F.col(field.name).cast(field.dataType).alias(field.name) for field in fields]
    return spark.createDataFrame(rows, raw).select(*cells)
