"""Checks on rows before they are written."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame, functions as F
from pyspark.sql.types import StructType
from pyspark.storagelevel import StorageLevel

from databank.errors import DataBankError, UnsafeKeysError
from databank.tables.spec import TableSpec


def refuse_unsafe_keys(rows: DataFrame, spec: TableSpec) -> None:
    """Raise if a key of the table is null (but for its open_key) or held by two rows.

    One grouped pass; over a frame that was grouped by the same key it needs no shuffle.

    Raises:
        UnsafeKeysError: With the counts, never with the values (they may be personal data).
    """
    null = F.lit(False)
    for key in (name for name in spec.key if name not in spec.open_key):
        null = null | F.col(key).isNull()
    counts = (
        rows.groupBy(*spec.key)
        .count()
        .agg(
            F.sum(F.when(null, F.col("count")).otherwise(0)).alias("nulls"),
            F.sum(F.when(~null & (F.col("count") > 1), 1).otherwise(0)).alias("repeated"),
        )
        .first()
    )
    nulls, repeated = (counts["nulls"] or 0, counts["repeated"] or 0) if counts else (0, 0)
    if nulls or repeated:
        raise UnsafeKeysError(spec.name, spec.key, nulls=nulls, repeated=repeated)


def _refuse_other_types(present: StructType, spec: TableSpec) -> None:
    there = {field.name: field.dataType.simpleString() for field in present}
    for field in spec.schema():
        wanted = field.dataType.simpleString()
        if there.get(field.name, wanted) != wanted:
            raise DataBankError(
                f"{spec.name}: {field.name} is {there[field.name]} in this bank, which another "
                f"release made, and {wanted} in this one; build the bank anew in an empty root"
            )


def refuse_outside(rows: DataFrame, table: str, scope: DataFrame) -> None:
    """Raise if a row lies outside of the scope it is to replace: it might repeat a key there.

    Raises:
        RuntimeError: The job that made the rows is at fault.
    """
    if not rows.join(scope, scope.columns, "left_anti").isEmpty():
        raise RuntimeError(f"{table}: rows outside of the scope to replace; nothing was written")


def conform(rows: DataFrame, spec: TableSpec, kept: DataFrame | None = None) -> DataFrame:
    """Give rows the spec's columns, types and comments; a wrong type fails here, not in a reader.

    Args:
        rows: All columns of the spec.
        spec: The table.
        kept: Rows of it that they come to, if there are any.

    Raises:
        AnalysisException: If a column is missing, or cannot be widened to its type.
        DataBankError: If kept rows have another type, by another release.
    """
    if kept is not None:
        _refuse_other_types(kept.schema, spec)
    wanted, rows = spec.schema(), rows.select(*(column.name for column in spec.columns))
    given = {field.name: field.dataType.simpleString() for field in rows.schema}
    widened = [field for field in wanted if given[field.name] != field.dataType.simpleString()]
    if widened:
        # refuses what cannot be; with all columns it would rebuild arrays and maps as well
        rows.select(*(field.name for field in widened)).to(StructType(widened))
    elif kept is not None:
        return rows  # a table that is there has its comments
    cells = [
        F.col(field.name).cast(field.dataType) if field in widened else F.col(field.name)
        for field in wanted
    ]
    named = zip(wanted, cells, strict=True)
    return rows.select(*(c.alias(field.name, metadata=field.metadata) for field, c in named))


@contextmanager
def computed_once(rows: DataFrame) -> Iterator[DataFrame]:
    """Compute rows once that are checked and then written."""
    kept = rows.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        yield kept
    finally:
        kept.unpersist()
