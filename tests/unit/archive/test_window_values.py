"""Macros become columns of the persons asked for, whoever else is in the archive."""

from datetime import date

from pyspark.sql import SparkSession, functions as F

from databank.archive.window_values import macro_columns
from databank.expressions import Macro, parse_expression
from tests.support.frames import frame

DAY = date(2026, 1, 31)
ROWS = """
    1 | 2026-01-30 | login | app |  2 | |
    1 | 2026-01-01 | login | web |  3 | |
    1 | 2026-02-02 | login | app | 50 | |
    2 | 2026-01-31 | buy   | web |  3 | 1.10 | 2
    2 | 2026-01-31 | buy   | app |  1 | |
    2 | 2026-01-31 | visit | pos |  7 | |
    3 | 2026-01-31 | login | app |  9 | |
"""
SCHEMA = "person_id bigint, day date, event string, terminal string, n bigint, amount double, "
SCHEMA += "amounts bigint"


def macros(*texts: str) -> list[Macro]:
    return [macro for text in texts for macro in parse_expression(text).macros]


def columns(spark: SparkSession, wanted: list[Macro]) -> dict[int, list[object]]:
    # what is endless is no number either
    points = F.when(F.col("terminal") == "app", F.lit("1.5")).otherwise(F.lit("Infinity"))
    shops = F.create_map(F.lit("shop"), F.lit(None).cast("string"), F.lit("points"), points)
    # of sessions it holds rows that are no events
    synthetic = F.when(F.col("event") == "visit", F.lit(True))
    archive = frame(spark, SCHEMA, ROWS).withColumns({"dims": shops, "synthetic": synthetic})
    persons = frame(spark, "person_id bigint", "1\n2\n4")
    values = macro_columns(
        archive, persons, wanted, as_of=DAY, dimensions=["shop", "points"], partitions=2
    )
    rows = values.select("person_id", *(macro.column for macro in wanted)).collect()
    assert len(rows) == 3
    return {row[0]: list(row[1:]) for row in rows}


def test_each_type_of_value_and_who_has_none(spark_session: SparkSession) -> None:
    wanted = macros(
        "events('login', 'last 7 days')",
        "events('login', 'ever', \"terminal = 'web'\")",
        "amount('buy')",
        "average_amount('buy')",
        "distinct('*', 'terminal')",
        "events('visit')",
        "distinct('buy', 'shop')",
        "sum_of('login', 'points')",
        "largest_of('*', 'points')",
        "last_on('login')",
        "days_since('login')",
        "first_time('login', 'this month')",
        "stopped('login', '7 days')",
    )
    assert columns(spark_session, wanted) == {
        1: [2, 3, 0.0, None, 2, 0, 0, 3.0, 1.5, date(2026, 1, 30), 1, True, False],
        2: [0, 0, 1.1, 0.55, 2, 7, 0, 0.0, 1.5, None, None, False, False],
        4: [0, 0, 0.0, None, 0, 0, 0, 0.0, None, None, None, False, False],
    }


def test_more_events_and_filters_than_a_number_has_bits(spark_session: SparkSession) -> None:
    wanted = macros(*(f"events('login', 'ever', 'n <> {n}')" for n in range(70)))
    values = columns(spark_session, wanted)
    assert values[1] == [{2: 3, 3: 2}.get(n, 5) for n in range(70)]
    assert values[2] == values[4] == [0] * 70
