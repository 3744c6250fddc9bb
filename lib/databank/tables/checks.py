"""Checks on rows before they are written."""

from pyspark.sql import DataFrame, functions as F

from databank.errors import UnsafeKeysError


def refuse_unsafe_keys(rows: DataFrame, table: str, keys: tuple[str, ...]) -> None:
    """Raise if a key is null or held by two rows.

    One grouped pass; over a frame that was grouped by the same key it needs no shuffle.

    Raises:
        UnsafeKeysError: With the counts, never with the values (they may be personal data).
    """
    null = F.lit(False)
    for key in keys:
        null = null | F.col(key).isNull()
    found = (
        rows.groupBy(*keys)
        .count()
        .agg(
            F.sum(F.when(null, F.col("count")).otherwise(0)).alias("nulls"),
            F.sum(F.when(~null & (F.col("count") > 1), 1).otherwise(0)).alias("repeated"),
        )
        .first()
    )
    nulls, repeated = (found["nulls"] or 0, found["repeated"] or 0) if found else (0, 0)
    if nulls or repeated:
        raise UnsafeKeysError(table, keys, nulls=nulls, repeated=repeated)
