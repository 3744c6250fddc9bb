"""Spark's own plan is looked at: what sqlglot may not see is refused, and what is plain is not."""

from collections.abc import Iterator

import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.errors import DataBankError
from databank.expressions.functions import _OUTSIDE, _RESTLESS
from databank.session import small_frame
from databank.session.analysed import (
    refuse_foreign_columns,
    refuse_foreign_query,
    refuse_foreign_texts,
)

COLUMNS = "id bigint, name string, ts timestamp, tags array<string>"
REFUSED = {
    "reflect('java.lang.System', 'getenv', 'A')": "CallMethodViaReflection",
    "`reflect`('java.lang.System', 'getenv', 'A')": "CallMethodViaReflection",
    "upper(input_file_name())": "InputFileName",
    "input_file_block_start() + 1": "InputFileBlockStart",
    "transform(tags, x -> x || current_user)": "CurrentUser",
    "session_user()": "CurrentUser",
    "user": "CurrentUser",
    "current_database()": "CurrentDatabase",
    "version()": "SparkVersion",
    "current_date": "CurrentDate",
    "now() > ts": "Now",
    "unix_timestamp()": "CurrentTimestamp",
    "rand() < 0.5": "Rand",
    "uuid()": "Uuid",
    "shuffle(tags)": "Shuffle",
    "spark_partition_id()": "SparkPartitionID",
    "raise_error(name)": "RaiseError",
    "assert_true(id > 1)": "RaiseError",
    "spy(id)": "PythonUDF",
    "(select max(value) from text.`/etc/hostname`)": "a subquery",
    "exists(select 1)": "a subquery",
    "id in (select 1)": "a subquery",
}
PLAIN = (
    "transform(tags, x -> upper(x))", "coalesce(name, 'a')", "to_timestamp(name)",
    "case when id > 1 then 'a' else name end", "regexp_extract(name, '(a)', 1)",
    "aggregate(array(1), 0, (a, x) -> a + x)", "date_trunc('month', ts)", "map('a', id)['a']",
    "from_json(name, 'a int').a", "identifier('name')", "unix_timestamp(ts)",
    "make_date(2026, 1, 1)", "try_cast(name as int)",
)  # fmt: skip


@pytest.fixture(scope="module")
def empty(spark_session: SparkSession) -> Iterator[DataFrame]:
    frame = small_frame(spark_session, [], COLUMNS)
    spark_session.udf.register("spy", lambda value: value)
    frame.createOrReplaceTempView("_allowed")
    frame.createOrReplaceTempView("_others")
    yield frame
    for view in ("_allowed", "_others"):
        spark_session.catalog.dropTempView(view)
    spark_session.sql("DROP TEMPORARY FUNCTION spy")


def test_expressions_that_use_more_than_the_row_are_refused(empty: DataFrame) -> None:
    for text, name in REFUSED.items():
        with pytest.raises(DataBankError, match=f"^tag 'x': Spark reads {name} in it, which"):
            refuse_foreign_columns(empty.select(F.expr(text)), "tag 'x'")


def test_plain_expressions_pass(empty: DataFrame) -> None:
    refuse_foreign_columns(empty.select(*map(F.expr, PLAIN)), "tag 'x'")


def test_an_expression_of_many_is_named_and_a_wrong_one_is_left_to_its_user(
    spark_session: SparkSession, empty: DataFrame
) -> None:
    texts = {"a": "name", "b": "no_such_column", "c": "lower(current_catalog())"}
    with pytest.raises(DataBankError, match=r"^c: Spark reads CurrentCatalog in it"):
        refuse_foreign_texts(spark_session, empty.schema, texts)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("SELECT id FROM _others", "View"),
        ("SELECT id FROM _allowed WHERE id IN (SELECT id FROM _others)", "View"),
        ("SELECT (SELECT max(value) FROM text.`/etc/hostname`) FROM _allowed", "LogicalRelation"),
        ("WITH a AS (SELECT * FROM text.`/etc/hostname`) SELECT * FROM a", "LogicalRelation"),
        ("SELECT * FROM range(3)", "Range"),
        ("SELECT transform(id) USING 'cat' AS (b) FROM _allowed", "ScriptTransformation"),
        ("SELECT * FROM _allowed TABLESAMPLE (10 PERCENT)", "Sample"),
        ("SELECT lower(reflect('java.lang.System', 'getenv', 'A')) FROM _allowed", "CallMethod"),
        ("SELECT id FROM _allowed ORDER BY rand()", "Rand"),
        ("SHOW TABLES", "ShowTables|LocalRelation|CommandResult"),
    ],
)
def test_a_select_of_more_than_its_views_is_refused(
    spark_session: SparkSession, empty: DataFrame, query: str, name: str
) -> None:
    with pytest.raises(DataBankError, match=f"Spark reads ({name})"):
        refuse_foreign_query(spark_session.sql(query), ["_allowed"], "tag 'x': select")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM _allowed",
        "TABLE _allowed",
        "SELECT * FROM IDENTIFIER('_allowed')",
        "WITH a AS (SELECT id FROM _allowed) SELECT a.id, count(*) FROM a JOIN _allowed b "
        "ON a.id = b.id WHERE b.id IN (SELECT id FROM _allowed) GROUP BY ALL HAVING count(*) > 1 "
        "ORDER BY 1 LIMIT 3",
        "SELECT id, t FROM _allowed LATERAL VIEW explode(tags) AS t UNION ALL SELECT 1, 'a'",
        "SELECT * FROM _allowed PIVOT (count(1) FOR name IN ('a', 'b'))",
        "SELECT DISTINCT id, rank() OVER (PARTITION BY name ORDER BY ts) FROM _allowed EXCEPT "
        "SELECT 1, 2",
        "FROM _allowed |> WHERE id > 1 |> SELECT id",
    ],
)
def test_a_select_of_its_views_passes(
    spark_session: SparkSession, empty: DataFrame, query: str
) -> None:
    refuse_foreign_query(spark_session.sql(query), ["_allowed"], "tag 'x': select")


def test_every_function_that_the_first_reading_refuses_is_refused_by_this_one(
    spark_session: SparkSession, empty: DataFrame
) -> None:
    java = "'java.lang.System', 'getenv', 'A'"
    arguments = {
        "java_method": java, "reflect": java, "try_reflect": java, "raise_error": "name",
        "assert_true": "id > 1", "randstr": "3", "uniform": "1, 2", "shuffle": "tags",
    }  # fmt: skip
    for name in _OUTSIDE | _RESTLESS:
        selected = empty.select(F.expr(f"{name}({arguments.get(name, '')})"))
        with pytest.raises(DataBankError):
            refuse_foreign_columns(selected, name)
