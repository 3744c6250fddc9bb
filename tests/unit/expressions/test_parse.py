"""Expressions: macros are found, the rest runs as it was written."""

from importlib.resources import files

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.errors import ManyFaultsError
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


@pytest.mark.parametrize(
    ("written", "event"),
    [
        ("'Order Completed'", "Order Completed"),
        ("'$pageview'", "$pageview"),
        ("'[/pageview]'", "[/pageview]"),
        ("'it''s'", "it's"),
        ("'it\\'s'", "it's"),
        ('"it\'s"', "it's"),
        ("'say \"hi\"'", 'say "hi"'),
        ("'`a`; -- b /* c'", "`a`; -- b /* c"),
        ("'下单'", "下单"),
        ("'two\nlines'", "two\nlines"),
    ],
)
def test_an_event_is_called_what_the_source_calls_it(written: str, event: str) -> None:
    [macro] = parse_expression(f"events({written}, 'today') > 1").macros
    assert (macro.event, macro.window and macro.window.text) == (event, "today")
    assert macro.column.replace("_", "").isalnum()


@pytest.mark.parametrize("event", ["", "x" * 10_000])
def test_what_is_no_name_of_an_event(event: str) -> None:
    with pytest.raises(ManyFaultsError, match=r"signs; write one of 1 to 1,000") as caught:
        parse_expression(f"events('{event}') > 1")
    assert len(str(caught.value)) < 200


def test_parameters_of_a_lambda_are_no_names() -> None:
    assert parse_expression("exists(list, x -> x > least)").names == {"list", "least"}


def test_text_with_a_macro_name_inside_stays_text() -> None:
    read = parse_expression("city = 'events(''login'')'")
    assert read.macros == ()
    assert read.sql == "city = 'events(''login'')'"


def test_the_run_day_is_a_column_and_no_name() -> None:
    read = parse_expression("datediff(:day, last) > 200 and noted = ':day' and :DAY > since")
    assert read.sql == "datediff(_run_day, last) > 200 and noted = ':day' and _run_day > since"
    assert read.names == {"last", "noted", "since"}
    assert read.asks_day
    assert not parse_expression("noted = ':day'").asks_day


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("logins >= and spend > 1", "a value is missing near 'and', column 11; correct it"),
        ("logins > 1\n  and (spend > 2", "a ) is missing behind '2', line 2, column 16"),
        ("city = 'x' and\n note = \"y", "'\"' is not closed, line 2, column 9; close the quotes"),
        ("events('login', 'this month') > and x", "near 'and', column 33"),
        ("cast(a as lettuce) > 1", "expected TYPE after CAST, not 'lettuce', column 11"),
        (
            "city in ('Shanghai' 'Beijing')",
            "'Shanghai' and 'Beijing' stand side by side, column 21",
        ),
        ("city 'Berlin'", "is not expected here, column 6"),
        ("(city, spend euros) = ('a', 1)", "two values side by side"),
        ("events('login' 'this month') > 1", "a comma is missing in events() before 'this month'"),
        ("events('login',) > 1", "ends with a comma"),
        ("events(,'login') > 1", "takes texts in quotes, not ','"),
        ("sum(spend) > 5", "sum() is of many rows, and an expression sees one; write a + b, or am"),
        ("spend > avg(spend)", "write average_amount('purchase')"),
        ("count(*) > 5", "write events('login')"),
        ("any(vip)", "a macro over events, or a tag of kind sql"),
        ("row_number() = 1", "row_number() is of many rows"),
        ("explode(list) = 'x'", "explode() makes many rows of one"),
        ("followed_by('a', 'b', '7 days')", "is not built yet; count it by an indicator of kind"),
        ("returned('login', '30 days')", "returned() is not built yet"),
        ("regular('login', 3, '4 weeks')", "regular() is not built yet"),
        ("in_upload('vips')", "in_upload() is not built yet; make a tag of the list"),
        ("datediff(:dya, last) > 200", "unknown parameter :dya; only :day"),
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


def test_what_many_rows_give_each_row_and_what_is_quantified_is_taken() -> None:
    assert parse_expression("rank() over (order by spend) <= 10").names == {"spend"}
    assert parse_expression("city like any ('B%', 'C%')").names == {"city"}
    assert parse_expression("aggregate(list, 0, (a, x) -> a + x) > 1").names == {"list"}


def test_all_faults_of_an_expression_come_at_once() -> None:
    text = (
        "evnts('a') > sum(spend) and events('b', 'lst week') = 1 "
        "and city in ('x' 'y') and now() > x"
    )
    with pytest.raises(ManyFaultsError) as caught:
        parse_expression(text)
    words = ("'evnts'", "sum()", "unknown window", "side by side", "now()")
    assert len(caught.value.faults) == len(words)
    for word, fault in zip(words, caught.value.faults, strict=True):
        assert word in fault
        assert "; " in fault


@pytest.mark.parametrize("deep", [26, 1000, 3000])
@pytest.mark.parametrize(
    ("opening", "close"),
    [("(", ")"), ("abs(", ")"), ("case when a then ", " end"), ("array(", ")"), ("a[", "]")],
)
def test_what_is_nested_too_deep_for_readers_of_sql_is_told_with_its_place(
    deep: int, opening: str, close: str
) -> None:
    text = f"vip and {opening * deep}1{close * deep} > 0"
    with pytest.raises(ManyFaultsError, match="nested too deep") as caught:
        parse_expression(text)
    [fault] = caught.value.faults
    # the opening of the 26th level
    column = len("vip and ") + 25 * len(opening) + opening.find("(") * (opening[-1] == "(") + 1
    column += opening.find("[") * (opening[-1] == "[")
    assert f"column {column}; make tags of its parts" in fault


def test_so_deep_as_is_allowed_and_long_chains_are_read() -> None:
    assert parse_expression(f"{'(' * 25}vip{')' * 25}").names == {"vip"}
    assert parse_expression(" or ".join(f"spend = {n}" for n in range(3000))).names == {"spend"}
    for endless in (
        "not " * 3000 + "vip",
        " + ".join(["spend"] * 3000) + " > 1",
        "- " * 3000 + "1",
    ):
        with pytest.raises(ManyFaultsError, match="nested too deep, column 1; make tags"):
            parse_expression(endless)


def test_paths_into_json_are_read_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    for path in ("$.$id", "$['$id']", "$.a b", "$.properties.$current_url"):
        read = parse_expression(f'get_json_object(properties, "{path}") = 1')
        assert read.names == {"properties"}
    assert caplog.records == []
