"""Spark's analyser has the last word on expressions, before a job reads or writes anything."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.config import SPARK_TYPES, ArchiveConfig, TagType
from databank.archive.refers import PERSONS
from databank.archive.row_filters import filter_sql, with_dimensions
from databank.archive.tables import PERSON_DAY
from databank.errors import DataBankError
from databank.expressions import Expression, Macro
from databank.expressions.run_day import RUN_DAY
from databank.runs import Context
from databank.session import small_frame
from databank.session.analysed import refuse_foreign_columns

_CODE, _STATE = re.compile(r"^\[[A-Z0-9_.]+\] "), re.compile(r"\s*SQLSTATE: .*$", re.DOTALL)


class Checked(NamedTuple):
    """Expressions of one entry of the configuration.

    Attributes:
        place: What the entry is, for the error: `conf/audiences: audience 'vips'`.
        expressions: As the entry has them.
        type: Spark type that their values are cast to; None = any will do.
    """

    place: str
    expressions: Iterable[Expression]
    type: str | None = None


def refuse_wrong_expressions(
    context: Context,
    entries: Iterable[Checked],
    archive: ArchiveConfig,
    tags: Mapping[str, TagType],
) -> None:
    """Let Spark analyse expressions and the filters of their macros on empty frames.

    Cost: one analysis of all expressions together, no Spark job; where it fails, one for each.

    Args:
        context: The run; it notes them, to name the entry if a value of the data fails in it.
        entries: What is to be checked.
        archive: Dimensions that filters may use.
        tags: Type of every tag.

    Raises:
        DataBankError: Naming the first entry that Spark refuses, its expression and the reason.
    """
    entries = [Checked(place, tuple(of_one), kind) for place, of_one, kind in entries]
    context.expressions.extend((each.place, text) for each in entries for text in _texts(each))
    rows, frame = _empty_frames(context, entries, archive, tags)
    try:
        filters = rows.select(*(_filter(macro) for each in entries for macro in _filtered(each)))
        values = frame.select(*(_value(e, each.type) for each in entries for e in each.expressions))
        refuse_foreign_columns(filters, "")
        refuse_foreign_columns(values, "")
        return
    except (AnalysisException, DataBankError):
        pass  # the analyses below tell which one it is
    for each in entries:
        for macro in _filtered(each):
            where = f"filter of {macro.name}({macro.event!r})"
            _analyse(rows, _filter(macro), f"{each.place}: {where}", str(macro.filter), ())
        for expression in each.expressions:
            value = _value(expression, each.type)
            _analyse(frame, value, each.place, expression.text, expression.macros)


def _empty_frames(
    context: Context,
    entries: Iterable[Checked],
    archive: ArchiveConfig,
    tags: Mapping[str, TagType],
) -> tuple[DataFrame, DataFrame]:
    """Make what filters see, rows of the archive, and what expressions see, a row a person."""
    expressions = [expression for each in entries for expression in each.expressions]
    names = {name for expression in expressions for name in expression.names}
    macros = [macro for expression in expressions for macro in expression.macros]
    columns = {"person_id": "bigint"}
    # of a household, an account: how many persons it has
    columns |= {PERSONS: "bigint"} if PERSONS in names else {}
    columns |= {name: SPARK_TYPES[tags[name]] for name in sorted(names & tags.keys())}
    columns |= {macro.column: macro.spec.type for macro in macros}
    columns |= {RUN_DAY: "date"}
    schema = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
    days = small_frame(context.spark, [], PERSON_DAY.schema())
    rows = with_dimensions(days, archive.names, context.day)
    return rows, small_frame(context.spark, [], schema)


def _texts(entry: Checked) -> list[str]:
    return [
        *(expression.sql for expression in entry.expressions),
        *(filter_sql(str(macro.filter)) for macro in _filtered(entry)),
    ]


def _filtered(entry: Checked) -> list[Macro]:
    return [
        macro for expression in entry.expressions for macro in expression.macros if macro.filter
    ]


def _filter(macro: Macro) -> Column:
    # as in `event_matches`: nothing but a boolean is taken
    return F.lit(True) & F.expr(filter_sql(str(macro.filter)))


def _value(expression: Expression, kind: str | None) -> Column:
    value = F.expr(f"({expression.sql})")
    return value if kind is None else value.cast(kind)


def _analyse(
    frame: DataFrame, column: Column, place: str, text: str, macros: Iterable[Macro]
) -> None:
    try:
        refuse_foreign_columns(frame.select(column), place)
    except AnalysisException as error:
        reason = _STATE.sub("", _CODE.sub("", str(error))).splitlines()[0].rstrip(".")
        for macro in macros:
            reason = reason.replace(macro.column, f"{macro.name}(...)")
        raise DataBankError(
            f"{place}: Spark does not accept `{' '.join(text.split())}`: {reason}; "
            "correct the expression, or cast its values to the type that is wanted"
        ) from None
