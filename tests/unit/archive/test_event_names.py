"""Events are called what the sources call them, wherever configuration names one."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError
from pyspark.sql import SparkSession

from databank.archive.config import ArchiveConfig, SessionsConfig
from databank.archive.events import person_days, with_dims_json
from databank.archive.window_values import macro_columns
from databank.expressions import Macro, parse_window
from databank.indicators.config import INDICATOR_KINDS
from databank.lifecycle.config import RfmConfig
from databank.session import small_frame
from databank.tags.filters import event_dimension
from databank.tags.library import read_tag

DAY = date(2026, 1, 31)
WILD = (
    "Order Completed",
    "$pageview",
    "[/pageview]",
    "下单",
    "it's",
    'say "hi"',
    "a`b.c",
    "x'); DROP TABLE core.events; --",
    "two\nlines \\",
    "${HOME} {0} %s",
    "é" * 1000,
)
SCHEMA = (
    "source string, event_id string, id_key bigint, ids array<bigint>, day date, "
    "terminal string, event string, amount decimal(18,2), quantity decimal(18,3), "
    "event_ts timestamp, props map<string,string>"
)
PLACES: list[tuple[str, Callable[[str], Any]]] = [
    ("measure", lambda name: _tag(kind="measure", event=name, measure="count")),
    ("top", lambda name: _tag(kind="top", event=name, by="terminal")),
    ("preference", lambda name: _tag(kind="preference", event=name, by="terminal", value="app")),
    ("active", lambda name: _indicator(kind="active", event=name)),
    ("retention", lambda name: _indicator(kind="retention", event=name, on=[1], back=name)),
    ("funnel", lambda name: _indicator(kind="funnel", steps=[name, "buy"], within="1 day")),
    ("rfm", lambda name: _rfm(name)),
    ("dimensions", lambda name: ArchiveConfig(dimensions={name: {"shop": "props['shop']"}})),
    ("sessions", lambda name: SessionsConfig(events=(name,))),
]


def _tag(**keys: Any) -> Any:
    return read_tag({"name": "x", **keys})


def _indicator(**keys: Any) -> Any:
    return INDICATOR_KINDS.read({"name": "x", **keys})


def _rfm(name: str) -> RfmConfig:
    cuts = {"r": [7], "f": [2], "m": [10]}
    return RfmConfig.model_validate({"event": name, "also_money": [name], "cuts": cuts})


@pytest.mark.parametrize(("place", "named"), PLACES)
def test_each_place_takes_any_name_and_refuses_what_is_none(
    place: str, named: Callable[[str], Any]
) -> None:
    for name in WILD:
        named(name)
    for wrong in ("", "x" * 10_000):
        with pytest.raises(ValidationError) as caught:
            named(wrong)
        assert "character" in str(caught.value.errors()[0]["msg"])
    if place in ("funnel", "rfm", "dimensions", "sessions"):
        with pytest.raises(ValidationError, match="is any event, and one is wanted here"):
            named("*")


def test_names_are_no_sql_and_no_columns(spark_session: SparkSession) -> None:
    hostile = WILD[4:10]
    config = ArchiveConfig(dimensions={name: {"shop": "props['shop']"} for name in hostile})
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    # person 1 has the n-th event n + 1 times, person 2 once
    rows = [
        ("s", f"{person}-{n}-{k}", person, [person], DAY, "app", name, None, None, at,
         {"shop": name})
        for n, name in enumerate(hostile)
        for person, times in ((1, n + 1), (2, 1))
        for k in range(times)
    ]  # fmt: skip
    described = with_dims_json(small_frame(spark_session, rows, SCHEMA), config)
    archive = person_days(described.withColumnRenamed("id_key", "person_id"))
    ever = parse_window("ever")
    wanted = [Macro("events", name, ever, "shop = event") for name in hostile]
    wanted += [Macro("distinct", name, ever, by="shop") for name in hostile]
    persons = small_frame(spark_session, [(1,), (2,)], "person_id bigint")
    values = macro_columns(
        archive, persons, wanted, as_of=DAY, dimensions=config.names, partitions=1
    )
    counted = {row["person_id"]: [row[each.column] for each in wanted] for row in values.collect()}
    several = len(hostile)
    assert counted == {
        1: [*range(1, several + 1), *[1] * several],
        2: [*[1] * several, *[1] * several],
    }


def test_duckdb_reads_the_dimension_of_any_event() -> None:
    for name in WILD:
        sql = event_dimension("shop", ArchiveConfig(dimensions={name: {"shop": "terminal"}}))
        query = f"SELECT {sql} FROM (SELECT ? AS event, 'app' AS terminal)"
        assert duckdb.execute(query, [name]).fetchall() == [("app",)]
        assert duckdb.execute(query, ["another"]).fetchall() == [(None,)]
