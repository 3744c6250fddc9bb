"""Each kind of figure against plain SQL over the same rows, in DuckDB."""

from collections.abc import Iterator
from datetime import timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from databank.indicators.build import JOB
from databank.indicators.tables import INDICATOR
from tests.support.bank import DAY, Bank, make_bank
from tests.unit.indicators.world import indicators

COLUMNS = ("indicator", "day", "dimension_value", "part", "value", "persons", "base")
FIRST = DAY - timedelta(days=30)
CONFIG = indicators(
    {"name": "active", "kind": "active", "event": "*"},
    {"name": "week", "kind": "active", "event": "*", "window": "last 7 days"},
    {"name": "fortnight_by", "kind": "active", "event": "view", "window": "last 2 weeks",
     "by": "shop"},
    {"name": "active_by", "kind": "active", "event": "buy", "by": "shop"},
    {"name": "by_terminal", "kind": "active", "event": "*", "by": "terminal"},
    {"name": "new", "kind": "new", "event": "buy", "filter": "terminal = 'app'"},
    {"name": "new_by", "kind": "new", "event": "view", "by": "shop"},
    {"name": "returning", "kind": "returning", "event": "view"},
    {"name": "returning_by", "kind": "returning", "event": "view", "by": "shop"},
    {"name": "sales", "kind": "sum", "event": "buy", "of": "amount"},
    {"name": "sales_by", "kind": "sum", "event": "buy", "of": "amount", "by": "shop"},
    {"name": "events", "kind": "count", "event": "*", "filter": "terminal = 'web'"},
    {"name": "back", "kind": "retention", "event": "buy", "back": "*", "on": [1, 7]},
    {"name": "again", "kind": "retention", "event": "view", "on": [2], "by": "shop"},
    {"name": "in_app", "kind": "retention", "event": "view", "on": [3],
     "filter": "terminal = 'app'"},
    {"name": "never", "kind": "count", "event": "nothing"},
)  # fmt: skip

# distinct days of persons, first days; a value is null where there is none
_SEEN = "SELECT DISTINCT person, day, {value} AS v FROM rows WHERE {where}"
_FIRST = """
    SELECT person, day, min(v) AS v FROM (
        SELECT person, day, {value} AS v, rank() OVER (PARTITION BY person ORDER BY day) AS n
        FROM rows WHERE {where}
    ) WHERE n = 1 GROUP BY ALL
"""
_DAILY = "SELECT day, v, '' AS part, count(*) AS value, count(*) AS persons, NULL AS base FROM "
_SUM = "SELECT day, {value} AS v, '' AS part, sum({x}) AS value, NULL AS persons, NULL AS base "
_KEPT = """
    SELECT f.day, f.v, 'day ' || n AS part, avg((b.day IS NOT NULL)::INT) AS value,
           count(b.day) AS persons, count(*) AS base
    FROM ({first}) f, (SELECT unnest({on}) AS n)
    LEFT JOIN ({back}) b ON b.person = f.person AND b.day = f.day + n::INT
    WHERE f.v IS NOT NULL AND f.day + n::INT <= DATE '{last}' GROUP BY ALL
"""


def seen(where: str, value: str = "''") -> str:
    return _SEEN.format(where=where, value=value)


def first(where: str, value: str = "''") -> str:
    return _FIRST.format(where=where, value=value)


def within(days: int, where: str, value: str = "''") -> str:
    days_of = (
        f"SELECT DISTINCT person, c.day AS day, v FROM calendar c JOIN ({seen(where, value)}) s"
    )
    return f"{_DAILY} ({days_of} ON s.day BETWEEN c.day - {days - 1} AND c.day) GROUP BY ALL"


def daily(rows: str) -> str:
    return f"{_DAILY} ({rows}) WHERE v IS NOT NULL GROUP BY ALL"


def returning(value: str = "''") -> str:
    ever = "SELECT person, min(day) AS begun FROM rows WHERE event = 'view' GROUP BY person"
    event = "event = 'view'"
    return daily(f"SELECT s.* FROM ({seen(event, value)}) s JOIN ({ever}) USING (person) "
                 "WHERE day > begun")  # fmt: skip


def summed(x: str, where: str, value: str = "''") -> str:
    totals = _SUM.format(x=x, value=value)
    return f"SELECT * FROM ({totals} FROM rows WHERE {where} GROUP BY ALL) WHERE v IS NOT NULL"


def kept(first_days: str, back: str, on: list[int]) -> str:
    return _KEPT.format(first=first_days, back=back, on=on, last=DAY)


EXPECTED = {
    "active": daily(seen("true")),
    "week": within(7, "true"),
    "fortnight_by": within(14, "event = 'view' AND shop IS NOT NULL", "shop"),
    "active_by": daily(seen("event = 'buy'", "shop")),
    "by_terminal": daily(seen("true", "nullif(terminal, '')")),
    "new": daily(first("event = 'buy' AND terminal = 'app'")),
    "new_by": daily(first("event = 'view'", "shop")),
    "returning": returning(),
    "returning_by": returning("shop"),
    "sales": summed("coalesce(amount, 0)", "event = 'buy'"),
    "sales_by": summed("coalesce(amount, 0)", "event = 'buy'", "shop"),
    "events": summed("n", "terminal = 'web'"),
    "back": kept(first("event = 'buy'"), seen("true"), [1, 7]),
    "again": kept(first("event = 'view'", "shop"), seen("event = 'view'"), [2]),
    "in_app": kept(
        first("event = 'view' AND terminal = 'app'"),
        seen("event = 'view' AND terminal = 'app'"),
        [3],
    ),
}
WITH_ZEROS = ("active", "week", "new", "returning", "sales", "events")


def made_up() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = {}
    for _ in range(160):
        # quiet days in the middle and at the end, and some after the run day
        at = int(rng.choice([*range(2, 12), *range(15, 27), 33, 34]))
        event = str(rng.choice(["view", "buy", "login"]))
        terminal = str(rng.choice(["app", "web", ""]))
        shop = [None, "Bath", "York"][int(rng.integers(3))] if event != "login" else None
        amount = int(rng.integers(1, 900)) / 4 if event == "buy" and rng.random() < 0.8 else None
        key = (int(rng.integers(1, 15)), FIRST + timedelta(days=at), event, terminal, shop)
        rows[key] = (int(rng.integers(1, 4)), amount)
    columns = ["person", "day", "event", "terminal", "shop", "n", "amount"]
    return pd.DataFrame([(*key, *value) for key, value in rows.items()], columns=columns)


def as_text(rows: pd.DataFrame) -> str:
    def cells(row: tuple[object, ...]) -> str:
        person, day, event, terminal, shop, n, amount = row
        paid = "" if pd.isna(amount) else amount
        dims = f"shop={shop or ''}" if event != "login" else ""
        return f"{person} | {day} | {event} | {n} | {paid} | {terminal} | {dims}"

    return "\n".join(cells(row) for row in rows.itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return made_up()


@pytest.fixture(scope="module")
def bank(
    spark_session: SparkSession, rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Bank:
    made = make_bank(spark_session, tmp_path_factory.mktemp("bank"), persons=14, days=as_text(rows))
    made.run(JOB, CONFIG)
    return made


@pytest.fixture(scope="module")
def database(rows: pd.DataFrame) -> Iterator[duckdb.DuckDBPyConnection]:
    seen_by_then = f"SELECT * REPLACE (day::DATE AS day) FROM given WHERE day <= DATE '{DAY}'"
    days = "range((SELECT min(day) FROM rows), (SELECT max(day) + 1 FROM rows), INTERVAL 1 DAY)"
    with duckdb.connect() as made:
        made.register("given", rows)
        made.execute(f"CREATE TABLE rows AS {seen_by_then}")
        made.execute(f"CREATE TABLE calendar AS SELECT unnest({days})::DATE AS day")
        yield made


@pytest.mark.parametrize("name", EXPECTED)
def test_figures_are_those_of_plain_sql(
    name: str, bank: Bank, database: duckdb.DuckDBPyConnection
) -> None:
    rows_of_one = bank.rows(INDICATOR, *COLUMNS[1:], where=f"indicator = '{name}'")
    expected = {
        tuple(row[:3]): tuple(row[3:]) for row in database.execute(EXPECTED[name]).fetchall()
    }
    if name in WITH_ZEROS:
        begun = min(day for day, *_ in expected)
        nothing = (0, None if name in ("sales", "events") else 0, None)
        for (day,) in database.execute("SELECT day FROM calendar").fetchall():
            if day >= begun:
                expected.setdefault((day, "", ""), nothing)
    assert expected
    assert {row[:3]: row[3:] for row in rows_of_one} == expected


def test_what_never_happened_has_no_row(bank: Bank) -> None:
    assert bank.rows(INDICATOR, "day", where="indicator = 'never'") == []


def test_no_row_is_of_a_day_after_the_run_day_or_twice(bank: Bank) -> None:
    table = bank.read(INDICATOR)
    assert table.where(f"day > DATE'{DAY}' OR as_of <> DATE'{DAY}'").count() == 0
    assert table.select(*COLUMNS[:4]).distinct().count() == table.count() > 100
