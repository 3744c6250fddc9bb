"""What Spark itself makes of a text of the configuration: which tables and functions occur in it.

Texts are refused by what sqlglot reads in them. Two parsers may read one text differently; so
Spark's own analysed plan is looked at once more before anything runs.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession, functions as F
from pyspark.sql.types import StructType

from databank.errors import DataBankError
from databank.session.frames import small_frame

_PLAN = ".plans.logical."
_EXPRESSION = ".catalyst.expressions."
# what a SELECT over the tables of the bank is made of; a relation that is no View is none of them
_OPERATORS = frozenset(
    {
        *("Project", "Filter", "Join", "LateralJoin", "Aggregate", "Sort", "Window", "Distinct"),
        *("Deduplicate", "Union", "Except", "Intersect", "GlobalLimit", "LocalLimit", "Offset"),
        *("Expand", "Generate", "SubqueryAlias", "WithCTE", "CTERelationDef", "CTERelationRef"),
        *("OneRowRelation", "LocalRelation", "ResolvedHint"),
    }
)
# classes of functions that reach outside of the row, or give another value in another run
_FUNCTIONS = frozenset(
    {
        *("CallMethodViaReflection", "InputFileName", "InputFileBlockStart", "CurrentUser"),
        *("InputFileBlockLength", "CurrentCatalog", "CurrentDatabase", "CurrentPath"),
        *("SparkVersion", "SparkPartitionID", "RaiseError", "VariableReference", "Now"),
        *("CurrentDate", "CurrentTime", "CurrentTimestamp", "LocalTimestamp", "CurrentTimeZone"),
        *("Rand", "Randn", "RandStr", "Uniform", "Uuid", "Shuffle", "MonotonicallyIncreasingID"),
        *("ApplyFunctionExpression", "ScalaAggregator"),
    }
)
_OF_USERS = ("UDF", "UDAF", "UDTF")  # parts of the names of classes of functions somebody defined
_SUBQUERIES = frozenset({"ScalarSubquery", "Exists", "ListQuery", "LateralSubquery"})


def refuse_foreign_query(query: DataFrame, views: Collection[str], where: str) -> None:
    """Refuse a SELECT in which Spark sees more than some views and plain functions.

    Args:
        query: What Spark made of it.
        views: Names of the temporary views that it may read.
        where: What it is, for the error.

    Raises:
        DataBankError: Naming what else there is.
    """
    _refuse(_foreign(_plan_of(query), frozenset(views)), where)


def refuse_foreign_columns(selected: DataFrame, where: str) -> None:
    """Refuse expressions, selected from an empty frame, with a subquery or such a function in them.

    Raises:
        DataBankError: Naming what there is.
    """
    nodes = _plan_of(selected)
    _refuse(next(_subqueries(nodes), None) or _foreign(nodes, frozenset()), where)


def refuse_foreign_texts(spark: SparkSession, schema: StructType, texts: Mapping[str, str]) -> None:
    """Refuse expressions over some columns, as `refuse_foreign_columns` does.

    What Spark cannot analyse is left to whoever runs it, and names it.

    Args:
        spark: The session.
        schema: The columns.
        texts: What each expression is, for the error, and its text.

    Raises:
        DataBankError: Naming the expression, and what there is in it.
    """
    if not texts:
        return
    empty = small_frame(spark, [], schema)
    try:
        refuse_foreign_columns(empty.select(*map(F.expr, texts.values())), "")
        return
    except (AnalysisException, DataBankError):
        pass  # which of them it is, they tell one by one
    for where, text in texts.items():
        try:
            selected = empty.select(F.expr(text))
        except AnalysisException:
            continue
        refuse_foreign_columns(selected, where)


def _refuse(foreign: str | None, where: str) -> None:
    if foreign is not None:
        raise DataBankError(
            f"{where}: Spark reads {foreign} in it, which reaches outside of the bank's tables, or "
            "gives another value in another run; use what its columns hold"
        )


def _plan_of(frame: DataFrame) -> list[dict[str, Any]]:
    """All nodes, each before its children; expressions are lists of nodes within them."""
    nodes: list[dict[str, Any]] = json.loads(frame._jdf.queryExecution().analyzed().toJSON())
    return nodes


def _foreign(nodes: list[dict[str, Any]], views: frozenset[str]) -> str | None:
    """Name the first node that has no place in a text; what a view is made of is the bank's."""
    place = 0
    while place < len(nodes):
        node = nodes[place]
        name = _name(node)
        if name == "View" and node.get("isTempView") and _view(node) in views:
            place = _behind(nodes, place)
            continue
        if _is_foreign(node["class"], name):
            return name
        for inner in _within(node):
            if (foreign := _foreign(inner, views)) is not None:
                return foreign
        place += 1
    return None


def _is_foreign(full: str, name: str) -> bool:
    if _EXPRESSION in full:
        return name in _FUNCTIONS or any(part in name for part in _OF_USERS)
    return name not in _OPERATORS if _PLAN in full or ".execution." in full else ".hive." in full


def _subqueries(nodes: list[dict[str, Any]]) -> Iterator[str]:
    for node in nodes:
        if _name(node) in _SUBQUERIES:
            yield "a subquery"
        for inner in _within(node):
            yield from _subqueries(inner)


def _within(node: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Give the trees in the fields of a node."""
    waiting = [value for value in node.values() if isinstance(value, list | dict)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list) and value and isinstance(value[0], dict) and "class" in value[0]:
            yield value
        else:
            parts = value.values() if isinstance(value, dict) else value
            waiting += [part for part in parts if isinstance(part, list | dict)]


def _behind(nodes: list[dict[str, Any]], place: int) -> int:
    left = 1
    while left:
        left += nodes[place]["num-children"] - 1
        place += 1
    return place


def _view(node: Mapping[str, Any]) -> str:
    return str(node["desc"]["identifier"]["table"])


def _name(node: Mapping[str, Any]) -> str:
    return str(node["class"]).rpartition(".")[2].rpartition("$")[2]
