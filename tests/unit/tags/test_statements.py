"""Tags of a SELECT: values of every type, the run day, and statements that go wrong."""

from datetime import date

import pytest
from pyspark.sql import SparkSession

from databank.errors import DataBankError
from databank.tags.build import JOB
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import PERSON_TAG
from tests.support.bank import DAY, Bank, make_bank

DAYS = """
    1 | 2026-01-30 | login | 3 |
    1 | 2026-01-10 | buy   | 1 | 9.50
    2 | 2025-11-30 | login | 2 |
    3 | 2026-02-01 | login | 7 |
"""


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return make_bank(spark_session, tmp_path_factory.mktemp("bank"), persons=4, days=DAYS)


def tags(*given: dict[str, object]) -> TagsConfig:
    return TagsConfig(tuple(read_tag(each) for each in given))


def sql(name: str, gives: str, value: str, rest: str = "") -> dict[str, object]:
    select = f"SELECT person_id, {value} AS value FROM archive.person_day {rest} GROUP BY person_id"
    return {"name": name, "kind": "sql", "gives": gives, "select": select}


def test_values_of_every_type_and_rules_on_them(bank: Bank) -> None:
    recent = "WHERE day BETWEEN :day - INTERVAL 29 DAYS AND :day"
    library = tags(
        sql("contacts", "count", "sum(n)", recent),
        sql("mean", "number", "avg(amount)"),
        sql("kinds", "text", "concat_ws('+', array_sort(collect_set(event)))", recent),
        sql("since", "date", "min(day)"),
        sql("buyer", "boolean", "bool_or(event = 'buy')"),
        {"name": "quiet", "kind": "rule", "when": "contacts = 0 and not buyer"},
    )
    bank.run(JOB, library)
    columns = ("tag", "person_id", "value_string", "value_double", "value_date")
    assert bank.rows(PERSON_TAG, *columns) == [
        ("buyer", 1, "true", None, None),
        ("contacts", 1, None, 4.0, None),
        ("kinds", 1, "buy+login", None, None),
        ("mean", 1, None, 9.5, None),
        ("quiet", 2, "true", None, None),
        ("quiet", 3, "true", None, None),
        ("quiet", 4, "true", None, None),
        ("since", 1, None, None, date(2026, 1, 10)),
        ("since", 2, None, None, date(2025, 11, 30)),
        ("since", 3, None, None, date(2026, 2, 1)),
    ]
    assert bank.spark.sql("SHOW VIEWS LIKE '_databank*'").isEmpty()


def test_who_is_no_person_gets_no_tag(bank: Bank) -> None:
    select = "SELECT person_id + 3 AS person_id, 'x' AS value FROM archive.person_day WHERE n > 1"
    bank.run(JOB, tags({"name": "x", "kind": "sql", "gives": "text", "select": select}))
    assert bank.rows(PERSON_TAG, "person_id") == [(4,)]


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("SELECT person_id, m AS value FROM archive.person_day", "tag 'x': .*`m`.*; correct its"),
        ("SELECT person_id, n AS value FROM archive.person_day", "a person has 2 values; GROUP BY"),
        (
            "SELECT person_id, cast(event AS int) AS value FROM archive.person_day",
            "tag 'x': .CAST_INVALID_INPUT. .STRING, INT. in `cast.event AS int.`",
        ),
    ],
)
def test_a_statement_that_spark_refuses_leaves_the_tags_as_they_are(
    bank: Bank, select: str, message: str
) -> None:
    bank.run(JOB, tags(sql("contacts", "count", "sum(n)")))
    before = bank.rows(PERSON_TAG, "tag", "person_id", "value_double")
    given = {"name": "x", "kind": "sql", "gives": "number", "select": select}
    with pytest.raises(DataBankError, match=message):
        bank.run(JOB, tags(sql("contacts", "count", "sum(n)"), given), day=DAY)
    assert bank.rows(PERSON_TAG, "tag", "person_id", "value_double") == before


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"select": "SELECT person_id, n FROM archive.person_day"}, "`select` gives no `value`"),
        ({"select": "SELECT n FROM a.b"}, "gives no `person_id` and `value`"),
        ({"gives": None}, "lacks `gives`"),
        ({"gives": "money"}, "'boolean', 'count', 'number', 'text' or 'date'"),
        ({"event": "login"}, "has no use for `event`"),
        ({"entity": "household"}, "a household has no sql"),
    ],
)
def test_a_wrong_tag_says_what_to_write(keys: dict[str, object], message: str) -> None:
    given = sql("x", "count", "sum(n)") | keys
    with pytest.raises(ValueError, match=message):
        read_tag(given)
