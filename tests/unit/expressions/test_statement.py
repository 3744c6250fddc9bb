"""Statements: what they read and give, and what is refused."""

from datetime import date

import pytest

from databank.expressions import parse_statement

TEXT = """
    WITH recent AS (SELECT * FROM archive.person_day WHERE day > :day - INTERVAL 30 DAYS)
    SELECT r.person_id, count(*) AS value
    FROM recent AS r JOIN Identity.Person AS p ON p.person_id = r.person_id
    WHERE 'identity.person' <> '' GROUP BY ALL
"""


def test_its_tables_and_columns_are_found() -> None:
    statement = parse_statement(TEXT)
    assert statement.tables == ("archive.person_day", "identity.person")
    assert statement.columns == ("person_id", "value")


def test_only_the_names_of_tables_and_the_day_are_changed() -> None:
    names = {"archive.person_day": "a", "identity.person": "b"}
    given = parse_statement(TEXT).bound(names, date(2026, 1, 31))
    wanted = TEXT.replace("FROM archive.person_day", "FROM a").replace(":day", "DATE'2026-01-31'")
    assert given == wanted.replace("Identity.Person", "b")


def test_texts_in_quotes_are_left_alone() -> None:
    text = "SELECT ':' day, n FROM core.events WHERE a <> 'core.events' AND b = 'core.events'"
    bound = parse_statement(text).bound({"core.events": "v"}, date(2026, 1, 31))
    assert bound == text.replace("FROM core.events", "FROM v")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DROP TABLE core.events", "is not one SELECT"),
        ("SELECT 1; SELECT 2", "there is a ; in the SQL"),
        ("", "there is no SELECT"),
        (f"SELECT {'(' * 3000}a{')' * 3000} FROM core.events", "nested too deep, column 33"),
        ("SELECT a FROM", "cannot read"),
        ("SELECT a FROM events", "events is no table here; write schema.table"),
        ("SELECT a FROM range(5)", "is no table here"),
        ("SELECT now() AS a FROM core.events", ":day, which is the run day"),
        ("SELECT current_date AS a FROM core.events", ":day, which is the run day"),
        ("SELECT a FROM core.events ORDER BY rand()", "gives another value"),
        ("SELECT a FROM core.events WHERE day = :dya", "unknown parameter :dya; only :day"),
        ("SELECT a FROM core.events TABLESAMPLE (10 PERCENT)", "choose them by a condition"),
        ("SELECT randstr(5) AS a FROM core.events", "gives another value"),
        ("SELECT reflect('a', 'b') AS a FROM core.events", "reaches outside"),
        ("SELECT `reflect`('a', 'b') AS a FROM core.events", "reaches outside"),
        ("SELECT a FROM core.events -- \\\n'\n, b -- '", "there is a comment"),
        ("SELECT a /* b */ FROM core.events", "there is a comment"),
        ("SELECT shuffle(ids) AS a FROM core.events", "gives another value"),
        ("SELECT unix_timestamp() AS a FROM core.events", "gives another value"),
        ("SELECT a FROM core.events WHERE day > date 'today'", "date 'today' gives another value"),
        ("SELECT timestamp ' NOW ' AS a FROM core.events", "timestamp ' NOW ' gives another"),
        ("SELECT a FROM IDENTIFIER('core.events')", "is no table here|cannot read"),
        ("SELECT TRANSFORM(a) USING 'cat' AS (b) FROM core.events", "runs a command"),
        ("SELECT b FROM (SELECT TRANSFORM(a) USING 'sh' AS (b) FROM core.events)", "a command"),
        ("FROM core.events MAP a USING 'cat' AS b SELECT b", "a command|cannot read|not one"),
    ],
)
def test_what_is_no_statement_for_a_tag_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_statement(text)
