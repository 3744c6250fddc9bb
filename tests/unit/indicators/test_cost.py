"""What figures cost does not grow with their number."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from databank.indicators.calendar import without_gaps
from databank.indicators.figures import with_value
from databank.indicators.funnels import count_steps
from databank.indicators.persons import Days, count_persons
from databank.indicators.sums import add_up
from tests.unit.indicators.world import indicators

DAY = date(2026, 1, 31)
COUNTS = indicators(
    {"name": "active", "kind": "active", "event": "*"},
    {"name": "week", "kind": "active", "event": "view", "window": "last 7 days"},
    {"name": "month", "kind": "active", "event": "buy", "window": "last 30 days", "by": "shop"},
    {"name": "new", "kind": "new", "event": "*"},
    {"name": "returning", "kind": "returning", "event": "view"},
    {"name": "back", "kind": "retention", "event": "buy", "back": "*", "on": [1, 7, 30]},
).indicators
SUMS = indicators(
    {"name": "sales", "kind": "sum", "event": "buy", "of": "amount"},
    {"name": "orders", "kind": "count", "event": "buy", "by": "shop"},
).indicators
FUNNELS = indicators(
    {"name": "one", "kind": "funnel", "steps": ["view", "cart", "buy"], "within": "1 day"},
    {"name": "two", "kind": "funnel", "steps": ["view", "buy"], "within": "2 days"},
).indicators
ROWS = (
    "person_id bigint, day date, terminal string, event string, dims map<string,string>, n bigint, "
    "amount decimal(38,8), quantity decimal(38,8), event_ts timestamp, synthetic boolean"
)


def counts(rows: DataFrame, some: Sequence[Any]) -> DataFrame:
    days = Days(date(2026, 1, 1), DAY, DAY)
    counted = with_value(count_persons(rows, some, days=days, dimensions=("shop",)))
    return without_gaps(counted, ["active", "week"], DAY)


def sums(rows: DataFrame, some: Sequence[Any]) -> DataFrame:
    return add_up(rows, some, first=date(2026, 1, 1), last=DAY, dimensions=("shop",))


def steps(rows: DataFrame, some: Sequence[Any]) -> DataFrame:
    return count_steps(rows, some, dimensions=("shop",))


@pytest.mark.parametrize(
    ("made", "every", "shuffles"),
    [
        # by person; by figure; the lines of windows and of days
        (counts, COUNTS, 4),
        (sums, SUMS, 1),
        # by person; by depth; by step
        (steps, FUNNELS, 3),
    ],
)
def test_one_scan_and_so_many_shuffles_whatever_their_number(
    spark_session: SparkSession,
    made: Callable[[DataFrame, Sequence[Any]], DataFrame],
    every: Sequence[Any],
    shuffles: int,
) -> None:
    rows = spark_session.createDataFrame([], ROWS)
    length = spark_session.conf.get("spark.sql.maxPlanStringLength")
    spark_session.conf.set("spark.sql.maxPlanStringLength", "1000000")
    try:
        plan = made(rows, every)._jdf.queryExecution()
        text = plan.executedPlan().toString()
    finally:
        spark_session.conf.set("spark.sql.maxPlanStringLength", str(length))
    assert plan.sparkPlan().collectLeaves().size() == 1
    assert text.count("Exchange hashpartitioning") == shuffles
