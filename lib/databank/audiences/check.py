"""Spark's analyser has the last word on expressions, before any data is read."""

from collections.abc import Iterable, Mapping

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession, functions as F

from databank.archive.config import ArchiveConfig, TagType
from databank.archive.refers import PERSONS
from databank.archive.tables import PERSON_DAY
from databank.expressions import Expression, Macro
from databank.session import small_frame

_TAG_TYPES = {"boolean": "boolean", "count": "double", "number": "double", "text": "string",
              "date": "date"}  # fmt: skip
_MACRO_TYPES = {
    "events": "bigint",
    "distinct": "bigint",
    "days_active": "bigint",
    "days_in_a_row": "bigint",
    "first_on": "date",
    "last_on": "date",
    "days_since": "int",
    "first_time": "boolean",
    "stopped": "boolean",
    "in_audience": "boolean",
    "in_lookalike": "boolean",
    "stage": "string",
}


def check_expressions(
    spark: SparkSession,
    expressions: Mapping[str, Iterable[Expression]],
    archive: ArchiveConfig,
    tags: Mapping[str, TagType],
) -> dict[str, str]:
    """Let Spark analyse expressions and the filters of their macros on empty frames.

    Args:
        spark: The session; no job is started.
        expressions: Name of the tag, stage or audience -> its expressions.
        archive: Dimensions that filters may use.
        tags: Type of every tag.

    Returns:
        Name -> what Spark says is wrong, first line; names without a fault are absent.
    """
    days = small_frame(spark, [], PERSON_DAY.schema())
    days = days.select("*", *(F.col("dims")[name].alias(name) for name in archive.names))
    faults: dict[str, str] = {}
    for name, found in expressions.items():
        for each in found:
            frame = small_frame(spark, [], _schema(each, tags))
            try:
                for macro in each.macros:
                    days.where(macro.filter or "true").schema  # noqa: B018 - analyses
                frame.select(F.expr(each.sql)).schema  # noqa: B018
            except AnalysisException as error:
                faults.setdefault(name, str(error).splitlines()[0])
    return faults


def _schema(expression: Expression, tags: Mapping[str, TagType]) -> str:
    known = sorted(name for name in expression.names if name in tags)
    columns = [f"`{name}` {_TAG_TYPES[tags[name]]}" for name in known]
    # of a household, an account: how many persons it has
    columns += [f"{PERSONS} bigint"] if PERSONS in expression.names else []
    columns += [f"`{macro.column}` {_type(macro)}" for macro in expression.macros]
    return ", ".join(["person_id bigint", *columns])


def _type(macro: Macro) -> str:
    return _MACRO_TYPES.get(macro.name, "double")
