"""Expressions: macros are found, the rest runs as it was written."""

from importlib.resources import files

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.expressions import MACROS, macro_reference, parse_expression
from databank.expressions.functions import known_functions


def test_macros_become_columns_and_not_a_letter_of_the_rest_changes() -> None:
    text = "events('login',  'this month')>=1   AND NOT  in_audience('x')\n or `a b` rlike '\\\\d'"
    read = parse_expression(text)
    login, member = read.macros
    assert read.sql == f"{login.column}>=1   AND NOT  {member.column}\n or `a b` rlike '\\\\d'"
    assert (login.event, login.window and login.window.text) == ("login", "this month")
    assert read.names == {"a b"}


def test_equal_macros_share_a_column() -> None:
    read = parse_expression("events('login') > 1 or events('login', 'ever') = 0")
    assert len(read.macros) == 1


def test_parameters_of_a_lambda_are_no_names() -> None:
    assert parse_expression("exists(list, x -> x > least)").names == {"list", "least"}


def test_text_with_a_macro_name_inside_stays_text() -> None:
    read = parse_expression("city = 'events(''login'')'")
    assert read.macros == ()
    assert read.sql == "city = 'events(''login'')'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("evnts('login') > 1", "unknown function 'evnts'; did you mean 'events'"),
        ("uper(city) = 'A'", "unknown function 'uper'; did you mean 'upper'"),
        ("events(login) > 1", "takes texts in quotes, not 'login'"),
        ("events() > 1", "takes 1 to 3 arguments, not 0"),
        ("events('login'", "is not closed"),
        ("events('login', 'lst 3 days') > 1", "unknown window"),
        ("logins >=", "cannot read 'logins >='"),
        ("select 1", "is a statement"),
        ("logins spend", "two values side by side"),
        ("  ", "is empty"),
        ("city = 'x", "cannot read"),
        (
            "datediff(current_date(), last) > 20",
            "current_date() gives another value in another run",
        ),
        ("datediff(current_date, last) > 20", "current_date() gives another value in another run"),
        ("rand() < 0.5", "rand() gives another value in another run"),
        ("`rand`() < 0.5", "rand() gives another value in another run"),
        ("uuid() = 'x'", "uuid() gives another value"),
        ("reflect('java.lang.System', 'getenv', 'X') = 'y'", "reflect() reaches outside"),
        ("`reflect`('java.lang.System', 'getenv', 'X') = 'y'", "reflect() reaches outside"),
        ("Java_Method('a', 'b') = 'y'", "java_method() reaches outside"),
        ("input_file_name() = 'x'", "reaches outside of the row"),
        ("`upper`(city) = 'A'", "`upper` is called as a function"),
        ("true; drop table x", "there is a ; in the SQL"),
        ("true -- )", "there is a comment in the SQL"),
        ("spend > /* 5 */ 6", "there is a comment in the SQL"),
        ("-- \\\nspend > 6", "there is a comment in the SQL"),
    ],
)
def test_a_wrong_expression_is_told_with_its_remedy(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="; ") as caught:
        parse_expression(text)
    assert message in str(caught.value)


def test_the_list_of_functions_is_sparks_own(spark_session: SparkSession) -> None:
    rows = spark_session.sql("SHOW SYSTEM FUNCTIONS").where(F.col("function").rlike("^[a-z_0-9]+$"))
    assert {row[0] for row in rows.collect()} <= known_functions()


def test_no_macro_hides_a_function_of_spark() -> None:
    assert not set(MACROS) & set(known_functions())


def test_the_guide_lists_every_macro() -> None:
    guide = files("databank").joinpath("docs/guide/expressions.md").read_text(encoding="utf-8")
    for row in macro_reference():
        assert f"| `{row.example}` | {row.type} | {row.description} |" in guide
