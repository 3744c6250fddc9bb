"""`databank person ... --why-tag`: the rows that made a value."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.cli.main import exit_code
from databank.identity.entities.tables import ENTITY
from databank.models.tables import SCORE
from databank.project.jobs import job_config
from databank.project.load import load_project
from databank.session import small_frame
from databank.sources.tables import EVENTS, IDENTIFIER, PROFILES
from databank.tags.build import JOB
from tests.support.bank import DAY, Bank, make_bank
from tests.support.frames import frame

CONF = Path(__file__).parents[3] / "conf"
DAYS = """
    1 | 2026-01-30 | view_item | 3 | | app
    1 | 2026-01-29 | view_item | 4 | | web
    1 | 2025-01-29 | view_item | 9 | | app
    1 | 2026-01-28 | purchase  | 1 | 20.00 | store | category=food
    1 | 2026-01-27 | purchase  | 3 | 9.00 | app | category=tech
    2 | 2026-01-20 | purchase  | 1 | 7.00 | app
    1 | 2026-01-26 | add_to_cart | 2 | | app
"""
# when it happened | event | identifiers | terminal | category
EVENTS_OF = """
    2026-01-31 18:00:00 | add_to_cart | 1   | app |
    2026-01-31 17:59:59 | add_to_cart | 1   | app |
    2026-01-31 23:59:59 | add_to_cart | 1   | app |
    2026-01-31 20:00:00 | add_to_cart | 1   | web |
    2026-01-31 20:00:00 | add_to_cart | 2,1 | app |
    2026-02-01 00:00:00 | add_to_cart | 1   | app |
    2026-01-31 21:00:00 | purchase    | 1   | app | food
    2026-01-30 09:30:00 | purchase    | 1   |     | tech
    2026-01-30 09:00:00 | purchase    | 1   | web |
"""
MORE = """
tags:
  - {name: carts_6h, kind: measure, event: add_to_cart, measure: count, window: last 6 hours,
     filter: "terminal = 'app'"}
  - {name: kinds_48h, kind: measure, event: purchase, measure: distinct, by: category,
     window: last 48 hours, filter: "category <> '' and n = 1 and dayofweek(day) >= 6"}
  - {name: odd_48h, kind: measure, event: "*", measure: count, window: last 48 hours,
     filter: "pmod(dayofmonth(day), 2) = 1"}
  - {name: home_6h, entity: household, kind: measure, event: "*", measure: count,
     window: last 6 hours}
  - {name: few, kind: rule, when: "purchases_90d < 9 and not active"}
  - {name: dear, kind: measure, event: purchase, measure: count,
     filter: "category rlike '^fo' and terminal in ('store', 'web')"}
  - {name: sundays, kind: measure, event: purchase, measure: count, filter: dayofweek(day) = 4}
  - {name: odd, kind: measure, event: purchase, measure: max(amount), filter: "pmod(n, 2) = 1"}
  - {name: rare, kind: rule, when: "events('unheard_of') > 0"}
  - {name: told, kind: sql, gives: number,
     select: "SELECT person_id, max(n) AS value FROM archive.person_day GROUP BY person_id"}
  - {name: likely, kind: rule, when: "score('churn') >= 0.5"}
"""


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("why") / "conf"
    shutil.copytree(CONF, folder)
    (folder / "tags" / "zz.yml").write_text(MORE)
    return folder


def happened(spark: SparkSession) -> DataFrame:
    shape = "event_ts timestamp, event string, held string, terminal string, category string"
    ids = F.split("held", ",").cast("array<bigint>")
    return frame(spark, shape, EVENTS_OF).select(
        "event_ts", "event", "terminal", F.lit("web").alias("source"),
        F.concat_ws(" ", "event_ts", "event", "held", "terminal").alias("event_id"),
        F.to_date("event_ts").alias("day"), ids[0].alias("id_key"), ids.alias("ids"),
        F.create_map(F.lit("category"), "category").alias("props"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, conf: Path, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    made = make_bank(
        spark_session, tmp_path_factory.mktemp("bank"), persons=3, days=DAYS, on_disk=True
    )
    names = spark_session.range(1, 4).selectExpr(
        "id AS id_key", "'phone' AS id_type", "'' AS scope",
        "concat('+861380000000', id) AS id_value",
    )  # fmt: skip
    statements = [
        ("crm", "C1", 1, "Bath", "2026-01-03"), ("crm", "C2", 1, " ", "2026-01-09"),
        ("crm", "C3", 1, "York", None), ("crm", "C4", 1, "Oslo", "2026-02-09"),
    ]  # fmt: skip
    shape = "source string, record_id string, id_key bigint, city string, updated string"
    profiles = small_frame(spark_session, statements, shape).select(
        "source", "record_id", "id_key", F.create_map(F.lit("city"), "city").alias("attributes"),
        F.to_timestamp("updated").alias("updated_ts"),
    )  # fmt: skip
    within = [("household", person, 1) for person in (1, 2)]
    shape = "entity string, person_id bigint, entity_id bigint"
    scores = [("churn", 1, 0.8, 0.7, DAY)]
    scored = "model string, entity_id bigint, score double, calibrated double, as_of date"
    made.publish(
        {
            EVENTS: happened(spark_session),
            IDENTIFIER: names,
            PROFILES: profiles,
            ENTITY: small_frame(spark_session, within, shape),
            SCORE: small_frame(spark_session, scores, scored),
        }
    )
    library = job_config("build_tags", load_project(conf))
    persons = tuple(t.name for t in library.tags if t.entity == "person")
    for part in (persons, ("household_spend_90d", "home_6h")):
        made.run(JOB, library, nodes=part)
    return made


@pytest.fixture
def ask(bank: Bank, conf: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(tag: str, *words: str) -> Any:
        who = words or ("phone", "+8613800000001")
        where = ["--root", bank.root, "--conf-dir", str(conf), "--json"]
        code = exit_code(["person", *who, "--why-tag", tag, *where])
        captured = capsys.readouterr()
        return json.loads(captured.out) if code == 0 else captured.err

    return run


def test_a_measure_shows_the_days_of_its_window_and_filter(ask: Any) -> None:
    first, days = ask("app_views_30d")
    assert first["title"] == f"person 1: app_views_30d 3 views as of {DAY}"
    assert days["title"] == (
        "app_views_30d: events of view_item where terminal = 'app', 2026-01-02 to 2026-01-31"
    )
    assert [(row["day"], row["n"]) for row in days["rows"]] == [("2026-01-30", 3)]


def test_a_measure_of_hours_shows_the_very_events(ask: Any) -> None:
    first, events = ask("carts_6h")
    assert first["title"] == f"person 1: carts_6h 2 as of {DAY}"
    assert events["title"] == (
        "carts_6h: events of add_to_cart where terminal = 'app', "
        "the 6 hours up to the end of 2026-01-31"
    )
    times = [row["time"] for row in events["rows"]]
    assert times == ["2026-01-31 23:59:59", "2026-01-31 18:00:00"]


def test_events_of_hours_are_shown_with_the_value_that_is_counted(ask: Any) -> None:
    first, events = ask("kinds_48h")
    assert "kinds_48h 2 as of" in first["title"]
    shown = [(row["time"], row["category"]) for row in events["rows"]]
    assert shown == [("2026-01-31 21:00:00", "food"), ("2026-01-30 09:30:00", "tech")]


def test_a_filter_of_hours_that_spark_alone_reads_is_told(ask: Any) -> None:
    first, events = ask("odd_48h")
    assert "odd_48h 5 as of" in first["title"]
    assert "(shown without this filter, which Spark alone reads)" in events["title"]
    assert len(events["rows"]) == 7


def test_hours_of_a_household_are_the_events_of_all_its_persons(ask: Any) -> None:
    first, events = ask("home_6h", "person_id", "2")
    assert first["title"] == f"household 1: home_6h 5 as of {DAY}"
    assert len(events["rows"]) == 5


def test_a_filter_is_read_as_spark_reads_it(ask: Any) -> None:
    first, days = ask("dear")
    assert "dear 1 as of" in first["title"]
    assert [row["amount"] for row in days["rows"]] == ["20.00"]


def test_days_of_the_week_are_those_of_spark(ask: Any) -> None:
    first, days = ask("sundays")
    assert "sundays 1 as of" in first["title"]
    assert [row["day"] for row in days["rows"]] == ["2026-01-28"]


def test_a_filter_that_spark_alone_reads_is_left_out_and_told(ask: Any) -> None:
    first, days = ask("odd")
    assert "odd 20 as of" in first["title"]
    assert "(shown without this filter, which Spark alone reads)" in days["title"]
    assert [row["amount_max"] for row in days["rows"]] == ["20.00", "9.00"]


def test_what_did_not_happen_shows_no_rows(ask: Any) -> None:
    first, rule, event = ask("rare")
    assert "rare has no value, or was not built" in first["title"]
    assert (rule["rows"], event["rows"]) == ([], [])


def test_a_rule_shows_its_tags_and_what_they_are_made_of(ask: Any) -> None:
    first, rule, *below = ask("few")
    assert "few true" in first["title"]
    assert rule["title"] == "few: purchases_90d < 9 and not active"
    assert rule["rows"] == [
        {"tag": "active", "value": None},
        {"tag": "purchases_90d", "value": 4},
    ]
    assert [section["title"].partition(":")[0] for section in below] == [
        "active", "purchases_90d", "logins_30d",
    ]  # fmt: skip
    assert [row["n"] for row in below[1]["rows"]] == [1, 3]


def test_a_rule_on_events_shows_both_sides(ask: Any) -> None:
    first, _, cart, bought = ask("carted_not_bought")
    assert "carted_not_bought has no value, or was not built" in first["title"]
    assert [row["n"] for row in cart["rows"]] == [2]
    assert [row["day"] for row in bought["rows"]] == ["2026-01-28", "2026-01-27"]


def test_values_are_shown_in_the_order_of_the_tag(ask: Any) -> None:
    first, values = ask("favourite_category")
    assert "favourite_category food" in first["title"]
    assert [(row["category"], row["n"]) for row in values["rows"]] == [("food", 1), ("tech", 3)]


def test_a_percentile_shows_what_it_ranks(ask: Any) -> None:
    first, ranked, *_ = ask("top_spender")
    assert "top_spender true" in first["title"]
    assert ranked["title"].endswith("the 20% with the highest spend_90d of those above 0")
    # four fifths of the way from 7 to 29, what the two spent who spent anything
    assert ranked["rows"] == [
        {"tag": "spend_90d", "value": 29.0, "threshold": pytest.approx(7 + 0.8 * 22)}
    ]


def test_an_attribute_shows_its_profiles(ask: Any) -> None:
    first, profiles = ask("city")
    assert "city Bath" in first["title"]
    assert [(row["record"], row["city"]) for row in profiles["rows"]] == [
        ("C1", "Bath"),
        ("C3", "York"),
    ]


def test_results_of_other_jobs_and_statements_are_shown(ask: Any) -> None:
    _, _, score = ask("likely")
    assert score["title"] == "likely: score(churn), by models.score"
    assert [row["calibrated"] for row in score["rows"]] == [0.7]
    first, statement = ask("told")
    assert "told 9 as" in first["title"]
    assert "SELECT person_id, max(n) AS value" in statement["title"]


def test_a_household_shows_the_days_of_all_its_persons(ask: Any) -> None:
    first, days = ask("household_spend_90d", "person_id", "2")
    assert first["title"] == f"household 1: household_spend_90d 36 yuan as of {DAY}"
    assert len(days["rows"]) == 3
    [alone] = ask("household_spend_90d", "person_id", "3")
    assert alone["title"] == "person 3 is in no household"


@pytest.mark.parametrize(
    ("tag", "words", "message"),
    [
        ("dera", (), "unknown tag 'dera'; did you mean 'dear'?"),
        ("dear", ("phone", "+8613899999999"), "has not met this value"),
        ("dear", ("person_id", "99"), "the bank has no such person"),
        ("dear", ("person_id", "1", "--day", "2026-01-01"), "leave out --why and --day"),
    ],
)
def test_what_cannot_be_answered_says_why(
    ask: Any, tag: str, words: tuple[str, ...], message: str
) -> None:
    assert message in ask(tag, *words)
