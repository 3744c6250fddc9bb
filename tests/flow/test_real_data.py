"""The same jobs on real data sets, by configuration alone; checked against pandas and DuckDB."""

import os
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from math import isclose
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from pyspark.sql import SparkSession, functions as F

from databank.demo.agreement import measure_agreement
from databank.project.execute import execute
from databank.project.load import load_project
from databank.project.plan import Step, plan_all
from databank.tables import DeltaStore
from tests.flow.conftest import DAY, HERE
from tests.support.libraries import RETAIL, RETAIL_LINES, TAOBAO, TAOBAO_LINES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("planned_for_many")]

# a quarter of an hour: for who names the data
DATA = Path(os.environ.get("DATABANK_DATA", os.devnull)).resolve()


def bank_of(
    name: str,
    day: date,
    folder: Path,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
    *,
    data: str | None = None,
    jobs: Sequence[str] = (),
) -> DeltaStore:
    """Run an example's whole loop, or some jobs of it, on the data set of its name or another."""
    if not (DATA / (data or name)).is_dir():
        pytest.skip(f"{name} is not there: set DATABANK_DATA to the folder of the real data sets")
    monkeypatch.setenv("DATABANK_DATA", str(DATA))
    project = load_project(HERE / "conf" / "examples" / name)
    steps = [Step(job) for job in jobs] or plan_all(project, None)
    outcomes = execute(project, steps, root=str(folder), day=day)
    assert {outcome.outcome for outcome in outcomes} == {"done"}
    return DeltaStore(spark, str(folder))


def number(store: DeltaStore, table: str, expression: str, where: str = "true") -> float:
    row = store.require(table).where(where).agg(F.expr(expression)).collect()[0]
    return float(row[0] or 0)


def _names(example: str) -> set[str]:
    return {tag.name for tag in load_project(HERE / "conf" / "examples" / example).tags}


def check_library(
    store: DeltaStore, file: Path, lines: str, wanted: Mapping[str, tuple[str, str] | str]
) -> None:
    """Compare each tag of a library, user by user, with plain SQL over the file."""
    database = duckdb.connect()
    database.execute(lines.format(file=file))
    who = store.require("identity.person").join(store.require("identity.identifier"), "id_key")
    rows = store.require("tags.person_tag").join(who.select("person_id", "id_value"), "person_id")
    given: dict[str, dict[str, Any]] = {name: {} for name in wanted}
    for row in rows.where(F.col("tag").isin(list(wanted))).collect():
        text = True if row["value_string"] == "true" else row["value_string"]
        values = (text, row["value_double"], row["value_date"])
        given[row["tag"]][row["id_value"]] = next(v for v in values if v is not None)
    for name, query in wanted.items():
        if not isinstance(query, str):
            query = f"SELECT u, {query[0]} FROM lines WHERE {query[1]} GROUP BY u"
        counted = database.execute(query).fetchall()
        # no row says: not, or nothing
        stated = {u: value for u, value in counted if value is not None and value is not False}
        stated = {u: value for u, value in stated.items() if name in _NUMBERS or value != 0}
        expected = {u: float(v) if isinstance(v, Decimal) else v for u, v in stated.items()}
        assert expected, name
        assert given[name].keys() == expected.keys(), name
        wrong = {
            u: (given[name][u], v) for u, v in expected.items() if not _same(given[name][u], v)
        }
        assert wrong == {}, name


# numbers of which 0 is one
_NUMBERS = (
    "last_purchase", "last_view", "smallest_line", "mean_line", "largest_line", "mean_invoice",
)  # fmt: skip


def _same(left: Any, right: Any) -> bool:
    return isclose(left, right, rel_tol=1e-9) if isinstance(right, float) else bool(left == right)


@pytest.mark.parametrize(
    ("name", "folder", "truth", "least"),
    [
        ("febrl", "febrl", "regexp_extract(id_value, 'rec-([0-9]+)-', 1)", 0.98),
        ("historical_50k", "splink_historical_50k", "split(id_value, '-')[0]", 0.80),
    ],
)
def test_persons_by_linkage_alone(
    name: str,
    folder: str,
    truth: str,
    least: float,
    spark_session: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = ("ingest", "link_profiles", "resolve_identity")
    store = bank_of(name, DAY, tmp_path, spark_session, monkeypatch, data=folder, jobs=jobs)
    true = store.require("identity.identifier").select("id_key", F.expr(truth).alias("true"))
    persons = store.require("identity.person").select(
        "id_key", F.col("person_id").alias("predicted")
    )
    measured = measure_agreement(true.join(persons, "id_key", "left"))
    assert measured.f1 > least
    assert measured.bcubed_f1 > least


def test_online_retail(
    spark_session: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bank_of("online_retail", date(2011, 12, 9), tmp_path, spark_session, monkeypatch)
    raw = pd.read_csv(
        DATA / "online_retail" / "online_retail.csv.gz", dtype={"InvoiceNo": str, "StockCode": str}
    )
    assert number(store, "core.events", "count(*)") == len(raw)
    back = raw["InvoiceNo"].str.startswith("C") | (raw["Quantity"] < 0)
    raw["amount"] = (raw["Quantity"] * raw["UnitPrice"]).round(2)
    known = raw[raw["CustomerID"].notna()]
    bought = known[~back[known.index]].groupby("CustomerID")
    assert number(store, "core.events", "count(*)", "id_key is null") == len(raw) - len(known)
    tag = "tags.person_tag"
    assert number(store, tag, "sum(value_double)", "tag = 'spend'") == pytest.approx(
        bought["amount"].sum().sum(), abs=0.5
    )
    days = pd.to_datetime(known["InvoiceDate"]).dt.date
    pairs = known.assign(day=days)[~back[known.index]][["CustomerID", "day"]].drop_duplicates()
    assert number(store, tag, "sum(value_double)", "tag = 'purchase_days'") == len(pairs)
    assert number(store, "lifecycle.rfm", "count(*)") == bought.ngroups
    assert number(store, "lifecycle.rfm", "sum(frequency)") == bought["InvoiceNo"].nunique().sum()
    spend = bought["amount"].sum()
    top = spend[spend > 0]
    assert number(store, tag, "count(*)", "tag = 'top_spender'") == (top >= top.quantile(0.8)).sum()
    assert number(store, "models.training", "max(auc)") > 0.65
    assert _names("online_retail") - RETAIL.keys() == {"likes_it_dear"}
    check_library(store, DATA / "online_retail" / "online_retail.csv.gz", RETAIL_LINES, RETAIL)


def test_taobao_userbehavior(
    spark_session: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bank_of("taobao_userbehavior", date(2017, 12, 3), tmp_path, spark_session, monkeypatch)
    raw = pd.read_csv(DATA / "taobao_userbehavior" / "user_behavior.csv.gz")
    local = pd.to_datetime(raw["ts"], unit="s") + pd.Timedelta(hours=8)
    raw["day"] = local.dt.date
    inside = raw[raw["day"].between(date(2017, 11, 25), date(2017, 12, 3))]
    assert number(store, "core.events", "count(*)") == len(inside) == 99_957
    assert number(store, "ops.quarantine", "count(*)") == len(raw) - len(inside) == 44
    per_day = {
        row["day"]: row["n"]
        for row in store.require("archive.person_day")
        .groupBy("day")
        .agg(F.sum("n").alias("n"))
        .collect()
    }
    assert per_day == inside.groupby("day").size().to_dict()
    buyers = set(inside[inside["behavior"] == "buy"]["user_id"])
    assert number(store, "tags.person_tag", "count(*)", "tag = 'buyer'") == len(buyers)
    late = inside[inside["day"] >= date(2017, 12, 1)]
    carted = set(late[late["behavior"] == "cart"]["user_id"])
    wanted = carted - set(late[late["behavior"] == "buy"]["user_id"])
    where = "audience = 'carted_not_bought'"
    assert number(store, "audiences.member", "count(*)", where) == len(wanted)
    week = inside[inside["day"] >= date(2017, 11, 27)]
    days = week[week["behavior"] == "buy"].groupby("user_id")["day"].nunique()
    loyal = number(store, "lifecycle.stage", "count(*)", "stage = 'loyalty' and day = '2017-12-03'")
    assert loyal == (days >= 3).sum()
    assert _names("taobao_userbehavior") == TAOBAO.keys()
    file = DATA / "taobao_userbehavior" / "user_behavior.csv.gz"
    check_library(store, file, TAOBAO_LINES, TAOBAO)


# what the log of 1999 frames as visits, and what pages lie between, with the pause before each
CLICKS = """
    CREATE TABLE clicks AS
    SELECT *, ("Date" || ' ' || "Time")::timestamp AS clock FROM read_csv('{}', all_varchar = true);
    CREATE TABLE framed AS
    SELECT COOKIE AS cookie,
           max(epoch(clock)::bigint) FILTER (Webpage = 'start_session') AS begins,
           max(epoch(clock)::bigint) FILTER (Webpage = 'end_session') AS ends
    FROM clicks GROUP BY COOKIE;
    CREATE TABLE pages AS
    SELECT *, coalesce(epoch(pause) > 1800, false) AS long,
           coalesce(clock::date <> (clock - pause)::date, false) AS midnight
    FROM (SELECT *, clock - lag(clock) OVER (PARTITION BY COOKIE ORDER BY clock) AS pause
          FROM clicks WHERE Webpage NOT IN ('start_session', 'end_session'))"""


def test_web_clickstream(
    spark_session: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, data = "web_clickstream", "web_clickstream_1999"
    jobs = ("ingest", "resolve_identity", "build_archive")
    store = bank_of(name, DAY, tmp_path, spark_session, monkeypatch, data=data, jobs=jobs)
    database = duckdb.connect()
    database.execute(CLICKS.format(DATA / data / "clickstream.csv.gz"))
    true = {row[0]: row[1:] for row in database.execute("FROM framed").fetchall()}
    assert len(true) == number(store, "core.events", "count(*)", "event = 'start_session'") == 1240
    # the shop's visits go on over any pause: ours are parted by one of more than half an hour,
    # and at midnight
    figures = "count_if(long), count_if(midnight), count_if(midnight AND long)"
    assert database.execute(f"SELECT {figures} FROM pages").fetchone() == (822, 17, 6)
    assert number(store, "archive.visit", "count(*)") == 1240 + 822 + 17 - 6
    # time on pages, which is that between two of a session
    time = "SELECT sum(epoch(pause)) FROM pages WHERE NOT long AND NOT midnight"
    [seconds] = database.execute(time).fetchall()[0]
    assert number(store, "archive.visit", "sum(seconds)") == seconds
    assert number(store, "archive.person_day", "sum(quantity)", "event = 'dwell'") == seconds
    faq = """SELECT sum(epoch(pause)) FROM (
        SELECT Webpage, lead(pause) OVER mine AS pause, lead(long OR midnight) OVER mine AS parted
        FROM pages WINDOW mine AS (PARTITION BY COOKIE ORDER BY clock, Click_order::int)
    ) WHERE NOT parted AND Webpage = (SELECT mode(Webpage) FROM pages)"""
    [on_one] = database.execute(faq).fetchall()[0]
    [[page]] = database.execute("SELECT mode(Webpage) FROM pages").fetchall()
    held = f"event = 'dwell' AND dims['page'] = '{page}'"
    assert number(store, "archive.person_day", "sum(quantity)", held) == on_one > 0
    who = store.require("identity.person").join(store.require("identity.identifier"), "id_key")
    visits = store.require("archive.visit").join(who.select("person_id", "id_value"), "person_id")
    spans = visits.groupBy("id_value").agg(
        F.count("*"), F.unix_seconds(F.min("first_ts")), F.unix_seconds(F.max("last_ts"))
    )
    measured = {row[0]: tuple(row[1:]) for row in spans.collect()}
    # nothing is lost at an end: what is not found whole has been parted
    assert {cookie: (begins, ends) for cookie, (_, begins, ends) in measured.items()} == true
    assert sum(n == 1 for n, _, _ in measured.values()) == 461
