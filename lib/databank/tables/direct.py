"""Small tables on a local disk are read by their files.

Delta's reader runs a job of Spark over the log for each table of each query, which for a small
table takes far longer than its rows. delta-rs reads the log in milliseconds.
"""

import json
import os
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from databank.session import small_frame
from databank.tables.outside import is_plain

# of a larger table the log tells which files a query may skip
_MOST_FILES = 64
_MOST_BYTES = 64_000_000
_PATTERN = set("*?[]{}\\")  # of a folder with such a name Spark would read what it matches


def read_small_version(spark: SparkSession, path: str, version: int) -> DataFrame | None:
    """Read a version of a small table; None if it is large, or only Delta can tell what it is.

    Args:
        spark: The session.
        path: Of the table, on a local disk.
        version: Of its log.
    """
    if _PATTERN & set(path):
        return None
    try:
        table = DeltaTable(path, version=version)
        if not is_plain(table):
            return None
        files = pa.table(table.get_add_actions(flatten=True)).select(["path", "size_bytes"])
        schema = StructType.fromJson(json.loads(table.schema().to_json()))
    except (DeltaError, OSError):
        return None
    sizes = files["size_bytes"].to_pylist()
    if len(sizes) > _MOST_FILES or sum(sizes) > _MOST_BYTES:
        return None
    if not sizes:
        return small_frame(spark, [], schema)
    paths = [f"{path}/{unquote(name)}" for name in files["path"].to_pylist()]
    if not all(map(os.path.exists, paths)):
        return None
    return spark.read.schema(schema).parquet(*(f"file:{each}" for each in sorted(paths)))
