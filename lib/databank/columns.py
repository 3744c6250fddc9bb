"""Checks on the columns of a frame."""

from pyspark.sql import DataFrame

from databank.errors import MissingColumnsError


def require_columns(frame: DataFrame, *names: str, where: str) -> None:
    """Raise unless the frame has all the named columns.

    Raises:
        MissingColumnsError: Naming what is missing and what the frame has.
    """
    missing = set(names) - set(frame.columns)
    if missing:
        raise MissingColumnsError(missing, found=frame.columns, where=where)
