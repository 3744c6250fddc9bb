"""SQL tags: the value that a SELECT over the bank's tables gives each person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from databank.archive.config import TagType
from databank.errors import DataBankError, did_you_mean
from databank.expressions import Statement, parse_statement
from databank.tags.base import InputRequest, Surroundings, TagBase, TagFaultError
from databank.tags.columns import SPARK_TYPES, F, input_column, never_null

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from databank.runs import Context
    from databank.tags.explain import Reason, TagEvidence

# a statement may read what is made before the tags
_SCHEMAS = ("core", "identity", "archive")


class SqlTag(TagBase):
    """The value that a SELECT over published tables gives each person."""

    example: ClassVar[str] = (
        'gives: count, select: "SELECT person_id, count(*) AS value FROM archive.person_day '
        'WHERE day > :day - INTERVAL 30 DAYS AND synthetic IS NULL GROUP BY person_id"'
    )
    if_empty: ClassVar[str] = "its select gives no person"
    persons_only: ClassVar[bool] = True

    kind: Literal["sql"]
    select: str = Field(description="Spark SQL that gives person_id and value; :day is the run day")
    gives: TagType = Field(description="Type of the value")

    @model_validator(mode="after")
    def _gives_person_and_value(self) -> Self:
        lacking = sorted({"person_id", "value"} - set(self.statement.columns))
        if lacking:
            names = " and ".join(f"`{name}`" for name in lacking)
            raise ValueError(
                f"tag {self.name!r}: `select` gives no {names}; "
                "write SELECT person_id, ... AS value FROM ..."
            )
        return self

    @property
    def type(self) -> TagType:
        """As `gives` says."""
        return self.gives

    @cached_property
    def statement(self) -> Statement:
        """The SELECT, read."""
        return parse_statement(self.select)

    def check(self, around: Surroundings) -> Iterator[TagFaultError]:
        """The statement has to read tables that are made before the tags."""
        known = [name for name in around.tables if name.partition(".")[0] in _SCHEMAS]
        for name in self.statement.tables:
            if name not in known:
                yield TagFaultError(
                    "select",
                    f"tag {self.name!r} reads {name}, which is no table of "
                    f"{', '.join(_SCHEMAS)}; {did_you_mean(name, known)}",
                )

    @classmethod
    def read_inputs(cls, tags: Sequence[SqlTag], request: InputRequest) -> Sequence[DataFrame]:
        """Run the statements one after the other."""
        return [run_statement(request.context, tag) for tag in tags]

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Take the value."""
        return never_null(F.col(input_column(self.name)), self.type)

    def reads(self, as_of: date) -> Iterator[tuple[str, str]]:
        """List the tables of the statement."""
        for table in self.statement.tables:
            yield table, f"select of {self.name}"

    def explain(self, evidence: TagEvidence) -> Iterator[Reason]:
        """Show the statement; its rows are known to Spark alone."""
        yield evidence.reason(f"{self.name}: {' '.join(self.select.split())}", (), [])


def run_statement(context: Context, tag: SqlTag) -> DataFrame:
    """Run the statement of a tag, on tables as they are published; `:day` is the run day.

    Returns:
        person_id (unique), and the tag's `input_column`; none of them null.

    Raises:
        DataBankError: If Spark refuses the statement, or it gives a person several values.
    """
    from pyspark.errors import AnalysisException

    from databank.session import checkpoint
    from databank.session.spark_faults import analysis_reason

    context.expressions.append((f"tag {tag.name!r}", tag.select))
    try:
        rows = checkpoint(_selected(context, tag))
    except AnalysisException as error:
        reason = analysis_reason(error).partition(";")[0]
        raise DataBankError(f"tag {tag.name!r}: {reason}; correct its `select`") from None
    several = rows.groupBy("person_id").agg(F.count("*").alias("n")).where("n > 1").first()
    if several is not None:
        raise DataBankError(
            f"tag {tag.name!r}: a person has {several['n']} values; GROUP BY person_id in `select`"
        )
    return rows


def _selected(context: Context, tag: SqlTag) -> DataFrame:
    from databank.session.analysed import refuse_foreign_query

    views = {name: f"_databank_{name.replace('.', '_')}" for name in tag.statement.tables}
    for name, view in views.items():
        context.store.require(name).createOrReplaceTempView(view)
    try:
        rows = context.spark.sql(tag.statement.bound(views, context.day))
        refuse_foreign_query(rows, views.values(), f"tag {tag.name!r}: select")
        value = F.col("value").cast(SPARK_TYPES[tag.gives]).alias(input_column(tag.name))
        chosen = rows.select(F.col("person_id").cast("bigint"), value)
    finally:
        for view in views.values():
            context.spark.catalog.dropTempView(view)
    return chosen.dropna()
