"""Columns that kinds of tags share; pyspark is imported when the first one is made.

Kinds take `F` from here, so that a configuration is checked without starting to import Spark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from databank.archive.config import TagType
from databank.lazy import LazyModule

if TYPE_CHECKING:
    from pyspark.sql import Column, functions as F
else:
    F = LazyModule("pyspark.sql.functions")

__all__ = ["SPARK_TYPES", "F", "input_column", "never_null", "score_column"]

SPARK_TYPES = {
    "boolean": "boolean",
    "count": "double",
    "number": "double",
    "text": "string",
    "date": "date",
}


def input_column(name: str) -> str:
    """Name the column in which the value of a tag comes that no expression gives."""
    return f"_input_{name}"


def score_column(name: str) -> str:
    """Name the column in which the number beside the value of a tag comes."""
    return f"_score_{name}"


def never_null(value: Column, kind: TagType) -> Column:
    """Turn null into no (boolean) or 0 (count); of other types it stays: unknown."""
    if kind not in ("boolean", "count"):
        return value
    return F.coalesce(value, F.lit(False) if kind == "boolean" else F.lit(0.0))
