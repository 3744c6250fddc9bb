"""Filters on the archive, which are Spark SQL, as DuckDB reads them."""

from collections.abc import Collection

import sqlglot
from sqlglot import exp

# what is written otherwise and means the same; of all else nobody has made sure that it does
_ALIKE = (
    exp.And, exp.Or, exp.RegexpLike, exp.StartsWith, exp.EndsWith, exp.Lower, exp.Upper,
    exp.Coalesce, exp.Case, exp.If, exp.DayOfWeek, exp.TsOrDsToDate,
)  # fmt: skip


def duckdb_filter(text: str, dimensions: Collection[str]) -> str | None:
    """A filter with its dimensions taken out of the map; None where Spark alone can read it.

    Args:
        text: The filter of a macro.
        dimensions: Names of all declared dimensions.
    """
    tree = sqlglot.parse_one(text, read="spark")
    if not all(isinstance(node, _ALIKE) for node in tree.find_all(exp.Func)):
        return None
    named = tree.transform(
        lambda node: dimension(node.name, dimensions) if isinstance(node, exp.Column) else node
    )
    # Sunday is 1 to Spark, and 0 to DuckDB
    counted = named.transform(
        lambda node: exp.paren(node.copy() + 1) if isinstance(node, exp.DayOfWeek) else node
    )
    return f"({counted.sql(dialect='duckdb')})"


def dimension(name: str, dimensions: Collection[str]) -> exp.Expr:
    """The value of a dimension, or a column of the archive."""
    if name not in dimensions:
        return exp.column(name)
    return sqlglot.parse_one(f"dims['{name}']", read="duckdb")
