"""Spark's analyser names the expressions that it refuses, before any data is read."""

import pytest
from pyspark.sql import SparkSession

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.archive.config import ArchiveConfig, TagType
from databank.errors import DataBankError
from databank.expressions import MACROS, Expression, parse_expression
from databank.runs import Context
from tests.support.memory_store import MemoryStore, context_on

TAGS: dict[str, TagType] = {
    "vip": "boolean", "spend": "count", "city": "text", "since": "date",
}  # fmt: skip
ARCHIVE = ArchiveConfig.model_validate({"dimensions": {"ad_click": {"campaign": "campaign"}}})
GOOD = (
    "events('login') >= 1 and vip and upper(city) = 'X' and spend > 2 and since < date '2026-01-01'"
)


def a_run(spark: SparkSession) -> Context:
    return context_on(MemoryStore(spark, "memory"))


def check(spark: SparkSession, *texts: str, kind: str | None = "boolean") -> None:
    entries = [Checked(f"audience {n}", [parse_expression(t)], kind) for n, t in enumerate(texts)]
    refuse_wrong_expressions(a_run(spark), entries, ARCHIVE, TAGS)


def test_what_is_right_passes_with_all_types_of_tags(spark_session: SparkSession) -> None:
    check(spark_session, GOOD, "events('ad_click', 'ever', \"campaign = 'red'\") >= 1")


def test_it_is_known_how_many_persons_an_entity_has(spark_session: SparkSession) -> None:
    check(spark_session, "persons >= 2 and events('login') > 0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date_add(spend, 1) > 2", r"audience 1: Spark does not accept `date_add\(spend, 1\) > 2`"),
        (
            "events('ad_click', 'ever', \"colour = 'red'\") >= 1",
            "filter of events.'ad_click'.*colo",
        ),
        ("events('login', 'ever', 'n') >= 1", r"filter of events\('login'\): Spark does not accep"),
        ("first_on('login') > 2", r"first_on\(\.\.\.\) > 2.*; correct the expression, or cast"),
        ("first_on('login')", 'cannot cast "DATE" to "BOOLEAN"'),
        ("crc32(city, 1) = 1", "1 parameters but the actual number is 2"),
    ],
)
def test_the_entry_the_expression_and_the_reason_are_named(
    spark_session: SparkSession, text: str, message: str
) -> None:
    with pytest.raises(DataBankError, match=message) as caught:
        check(spark_session, GOOD, text)
    assert "\n" not in str(caught.value)
    assert "SQLSTATE" not in str(caught.value)


def test_no_job_is_started(spark_session: SparkSession) -> None:
    context = spark_session.sparkContext
    context.setJobGroup("analysis", "expressions are analysed")
    try:
        check(spark_session, GOOD)
        with pytest.raises(DataBankError):
            check(spark_session, GOOD, "vip > 'x'", kind="date")
        assert not context.statusTracker().getJobIdsForGroup("analysis")
    finally:
        spark_session.sparkContext.setLocalProperty("spark.jobGroup.id", "")


def test_every_macro_has_its_type(spark_session: SparkSession) -> None:
    for name, spec in MACROS.items():
        use = parse_expression(spec.example)
        [macro] = use.macros
        assert macro.name == name
        value = Expression(macro.column, macro.column, (macro,), frozenset())
        refuse_wrong_expressions(
            a_run(spark_session), [Checked(name, [value], spec.type)], ArchiveConfig(), {}
        )
