"""Values that a SELECT of the configuration gives."""

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, functions as F

from databank.errors import DataBankError
from databank.runs import Context
from databank.session import checkpoint
from databank.tags.config import TagConfig
from databank.tags.values import SPARK_TYPES, input_column


def sql_value(context: Context, tag: TagConfig) -> DataFrame:
    """Run the statement of a tag, on tables as they are published; `:day` is the run day.

    Returns:
        person_id (unique), and the tag's `input_column`; none of them null.

    Raises:
        DataBankError: If Spark refuses the statement, or it gives a person several values.
    """
    try:
        found = checkpoint(_selected(context, tag))
    except PySparkException as error:
        told = " ".join(str(error).split("\n\n")[0].split(";")[0].split())
        raise DataBankError(f"tag {tag.name!r}: {told}; correct its `select`") from None
    several = found.groupBy("person_id").agg(F.count("*").alias("n")).where("n > 1").first()
    if several is not None:
        raise DataBankError(
            f"tag {tag.name!r}: a person has {several['n']} values; GROUP BY person_id in `select`"
        )
    return found


def _selected(context: Context, tag: TagConfig) -> DataFrame:
    statement = tag.statement
    if statement is None or tag.gives is None:
        raise ValueError(f"tag {tag.name!r} has no statement")
    views = {name: f"_databank_{name.replace('.', '_')}" for name in statement.tables}
    for name, view in views.items():
        context.store.require(name).createOrReplaceTempView(view)
    try:
        rows = context.spark.sql(statement.bound(views, context.day))
        value = F.col("value").cast(SPARK_TYPES[tag.gives]).alias(input_column(tag))
        chosen = rows.select(F.col("person_id").cast("bigint"), value)
    finally:
        for view in views.values():
            context.spark.catalog.dropTempView(view)
    return chosen.dropna()
