"""Damaged files of tables, as Spark, Hadoop, delta-rs, Arrow and DuckDB each tell of them."""

import re

from databank.errors import DamagedTableError

# <root>/<schema>/<table>/ and a file of Delta's log, or one that Delta writes
_FILE = re.compile(
    r"(?P<path>[^\s'\"\[\]<>]*?(?P<schema>[a-z][a-z_]*)/(?P<table>[a-z][a-z0-9_]*)/"
    r"(?:_delta_log/[\w.-]*\w|(?:_change_data/)?(?:part|cdc)-[\w.-]+?\.parquet))"
)
_GONE = ("FILE_NOT_EXIST", "FileNotFoundException", "No files found", "not found\n", "NOT_FOUND")
# how each reader begins to tell that bytes are not those of a table
_SPOILT = (
    *("FAILED_READ_FILE", "is not a Parquet file", "CANNOT_READ_FILE_FOOTER"),
    *("magic bytes", "too small to be a Parquet file", "DELTA_TRUNCATED_TRANSACTION_LOG"),
)


def damaged(path: str, reason: str) -> DamagedTableError:
    """Make the error of a file of a table, by its path."""
    at = _FILE.search(path)
    table = f"{at['schema']}.{at['table']}" if at else "a table"
    return DamagedTableError(table, path, reason)


def damage_in(error: BaseException) -> DamagedTableError | None:
    """Find out whether an error tells of a damaged file of a table; None if it tells else."""
    text = str(error)
    gone, spoilt = (any(sign in text for sign in signs) for signs in (_GONE, _SPOILT))
    at = _FILE.search(text) if gone or spoilt else None
    if at is None:
        return None
    return damaged(at["path"], "is gone" if gone else "cannot be read: cut short, or overwritten")
