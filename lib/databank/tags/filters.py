"""Filters of macros, which are Spark SQL, as DuckDB reads them."""

from collections.abc import Callable, Collection

import sqlglot
from sqlglot import exp

from databank.archive.config import ArchiveConfig
from databank.expressions.syntax import syntax_tree

# functions that DuckDB writes otherwise and means as Spark does; others have not been compared
_PORTABLE = (
    exp.And, exp.Or, exp.RegexpLike, exp.StartsWith, exp.EndsWith, exp.Lower, exp.Upper,
    exp.Coalesce, exp.Case, exp.If, exp.DayOfWeek, exp.TsOrDsToDate,
)  # fmt: skip


def duckdb_filter(text: str, dimensions: Collection[str]) -> str | None:
    """Write a filter with its dimensions taken out of the map; None where Spark alone can read it.

    Args:
        text: The filter of a macro.
        dimensions: Names of all declared dimensions.
    """
    tree = _portable(text)
    if tree is None:
        return None
    return _written(tree, lambda name: dimension(name, dimensions))


def event_filter(text: str, archive: ArchiveConfig) -> str | None:
    """Write a filter over single events of core.events; None where Spark alone can read it.

    Args:
        text: The filter of a macro with a window of hours.
        archive: What the dimensions in it are.
    """
    tree = _portable(text)
    if tree is None:
        return None
    named = {column.name for column in tree.find_all(exp.Column)}
    columns = {name: event_dimension(name, archive) for name in named & set(archive.names)}
    if not all(columns.values()):
        return None
    given = {name: f"({column})" for name, column in columns.items()} | {"n": "1"}
    given["terminal"] = "nullif(terminal, '')"
    return _written(tree, lambda name: sqlglot.parse_one(given.get(name, name), read="duckdb"))


def event_dimension(name: str, archive: ArchiveConfig) -> str | None:
    """Write a dimension of an event of core.events; None where Spark alone can read it."""
    cases = []
    for event, dimensions in sorted(archive.dimensions.items()):
        if name in dimensions:
            tree = _portable(dimensions[name])
            # time zones are an extension of DuckDB
            if tree is None or any(c.name == "event_ts" for c in tree.find_all(exp.Column)):
                return None
            cases.append(
                f"WHEN {literal(event)} THEN nullif(CAST({_written(tree, exp.column)} AS TEXT), '')"
            )
    return f"CASE event {' '.join(cases)} END" if cases else None


def _portable(text: str) -> exp.Expr | None:
    """Parse what DuckDB reads as Spark does; None for anything else."""
    tree = syntax_tree(text)
    return tree if all(isinstance(node, _PORTABLE) for node in tree.find_all(exp.Func)) else None


def _written(tree: exp.Expr, column: Callable[[str], exp.Expr]) -> str:
    """Write a tree for DuckDB, each column as `column` gives it."""
    # Sunday is 1 to Spark, and 0 to DuckDB
    counted = tree.transform(
        lambda node: exp.paren(node.copy() + 1) if isinstance(node, exp.DayOfWeek) else node
    )
    named = counted.transform(
        lambda node: column(node.name) if isinstance(node, exp.Column) else node
    )
    return f"({named.sql(dialect='duckdb')})"


def literal(text: str) -> str:
    """Write a text as DuckDB's SQL does."""
    return exp.Literal.string(text).sql(dialect="duckdb")


def dimension(name: str, dimensions: Collection[str]) -> exp.Expr:
    """Write the value of a dimension, or a column of the archive."""
    if name == "terminal":
        return sqlglot.parse_one("nullif(terminal, '')", read="duckdb")
    if name not in dimensions:
        return exp.column(name)
    return sqlglot.parse_one(f"dims['{name}']", read="duckdb")
