"""Comparisons that hold for nobody, or stop a job at the first row, are told without Spark."""

import pytest
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession, functions as F

from databank.expressions.types import Known, type_faults
from databank.session import small_frame

STAGES = frozenset({"aware", "interest", "loyalty"})
COLUMNS = {
    "spend": Known("spend", "number"),
    "city": Known("city", "text"),
    "since": Known("since", "date"),
    "vip": Known("vip", "boolean"),
    "_stage_1": Known("stage()", "text", STAGES),
    "anything": Known("anything"),
}
# what Spark refuses, or cannot cast in the row below
WRONG = [
    ("spend = 'high'", "`spend = 'high'` compares a number with the text 'high'; write a number"),
    ("'high' < spend", "compares a number with the text 'high'"),
    ("spend + 1 in (1, 'x')", "compares a number with the text 'x'"),
    ("spend between 1 and 'x'", "compares a number with the text 'x'"),
    ("coalesce(spend, 0) = ('x')", "compares a number with the text 'x'"),
    ("city = 5", "compares a text with a number; write '5', or try_cast city"),
    ("upper(city) <= spend", "compares a text with a number; write a text"),
    ("since > 'soon'", "compares a date with the text 'soon'; write date '2026-01-31'"),
    ("since = 3", "compares a date with a number"),
    ("vip = 'maybe'", "compares a boolean with the text 'maybe'; write the condition alone"),
    ("vip = 1", "compares a boolean with a number"),
    ("(spend > 1) = 1", "compares a boolean with a number"),
    ("spend", "spend is a number, and no condition; compare it, as in spend > 0"),
    ("vip and spend", "spend is a number, and no condition"),
    ("not city", "city is a text, and no condition; compare it, as in city = 'Berlin'"),
    ("date '2026-01-01'", "is a date, and no condition"),
]
RIGHT = [
    "spend = '5' and spend > ' -5 '",
    "since > '2026-01-01' and since < date '2026-02-01' and since >= '2026'",
    "vip = 'yes' and vip = true and vip",
    "city in ('a', 'b') and city > 'M' and city <> upper(city)",
    "spend is null or since + interval 3 days > date '2026-01-01'",
    "exists(array('a', 'b'), spend -> spend = 'a')",
    "case when vip then 'a' else 'b' end = 'a'",
    "anything = 'x' or anything > 3",
    "_stage_1 = 'aware' and upper(_stage_1) = 'LOYAL' and _stage_1 like 'loyal%'",
    "datediff(since, date '2026-01-01') > -30",
]


def faults(text: str) -> list[str]:
    return list(type_faults(text, COLUMNS, condition=True))


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_is_compared_in_vain_is_told(text: str, message: str) -> None:
    [fault] = faults(text)
    assert message in fault
    assert "; " in fault


@pytest.mark.parametrize("text", RIGHT)
def test_what_spark_can_compare_is_taken(text: str) -> None:
    assert faults(text) == []


def test_a_value_that_there_never_is_is_told_with_the_one_that_is_like_it() -> None:
    assert faults("_stage_1 = 'loyal'") == ["stage() is never 'loyal'; did you mean 'loyalty'?"]
    assert faults("_stage_1 in ('aware', 'intrest') or 'x' <> _stage_1") == [
        "stage() is never 'intrest'; did you mean 'interest'?",
        "stage() is never 'x'; known: aware, interest, loyalty",
    ]


def test_spark_agrees(spark_session: SparkSession) -> None:
    columns = "spend double, city string, since date, vip boolean, _stage_1 string, anything int"
    row = small_frame(spark_session, [(2.0, "Berlin", None, True, "aware", 3)], columns)
    row = row.withColumn("since", F.to_date(F.lit("2026-01-15")))
    taken = [text for text in RIGHT if "anything" not in text]
    # one plan for all
    row.select(*(F.expr(f"({text}) OR true") for text in taken)).collect()
    for text, _ in WRONG:
        with pytest.raises((AnalysisException, PySparkException)):
            row.where(F.expr(f"({text})")).collect()
