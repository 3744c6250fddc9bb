"""Columns of a frame: checks, conditions on them, and the business day of an instant."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, functions as F

from databank.errors import MissingColumnsError


def require_columns(frame: DataFrame, *names: str, where: str) -> None:
    """Raise unless the frame has all the named columns.

    Raises:
        MissingColumnsError: Naming what is missing and what the frame has.
    """
    missing = set(names) - set(frame.columns)
    if missing:
        raise MissingColumnsError(missing, present=frame.columns, where=where)


def is_one_of(column: str, names: Iterable[str]) -> str:
    """Give the condition, as SQL, that a column has one of some names of the configuration."""
    listed = ", ".join(f"'{name}'" for name in names)
    return f"({column} IN ({listed}))" if listed else "false"


def holds(sql: str) -> Column:
    """Evaluate a SQL condition as a boolean that is never null: unknown counts as false."""
    return F.coalesce(F.expr(f"({sql})").cast("boolean"), F.lit(False))


def business_day(ts: str | Column, timezone: str) -> Column:
    """Give the day of the business time zone in which an instant lies."""
    return F.to_date(F.from_utc_timestamp(ts, timezone))
