"""`databank person`: who is this, then and now, and why; all of it without Spark."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from databank.cli.main import exit_code
from databank.identity.entities.tables import ENTITY, ENTITY_IDENTIFIER, ENTITY_REJECTED
from databank.lifecycle.tables import STAGE
from databank.session import small_frame
from databank.sources.tables import IDENTIFIER, REFUSED
from databank.tags.tables import PERSON_TAG
from tests.support.bank import DAY, Bank
from tests.unit.identity.world import World, pair

LATER = DAY + timedelta(days=60)


@pytest.fixture(scope="module")
def world(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(spark_session, tmp_path_factory.mktemp("it's a bank"))
    made.load(
        [
            *((DAY, record) for record in ("u1 p1", "u1 c1", "u1 c1", "c1 c2", "u3 c3", "u4 c3")),
            *((LATER, record) for record in ("u2 p1", "u1 c1", "u5 c5", "u6 c6")),
        ]
    )
    words = small_frame(
        spark_session, [(7, "cookie", "unknown", "placeholder")],
        "id_key bigint, id_type string, id_value string, why string",
    )  # fmt: skip
    made.bank.publish({REFUSED: words})
    made.resolve(
        LATER,
        limits={"phone": {"user_id": 1}, "cookie": {"user_id": 1}},
        reassignment={"phone": {"silent_days": 30, "to": ["user_id"]}},
        must_link=[pair("u5", "u6")],
    )
    person = dict(made.bank.rows(*_person_rows()))[made.keys["u1"]]
    tags = [(person, "spend_90d", None, 12.5), (person, "keen", "true", None)]
    shape = "person_id bigint, tag string, value_string string, value_double double"
    stages = [(person, DAY, "new"), (person, LATER, "active")]
    made.bank.publish(
        {
            PERSON_TAG: small_frame(spark_session, tags, shape),
            STAGE: small_frame(spark_session, stages, "person_id bigint, day date, stage string"),
        }
    )
    made.bank = made.bank.to_disk()
    return made


def test_an_address_tells_who_lives_there(
    spark_session: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from databank.identity.tables import PERSON

    places = [
        (11, "address", "", "5 lake road", True),
        (12, "landline", "", "+8657187654321", True),
        (1, "user_id", "", "u1", None),
    ]
    shape = "id_key bigint, id_type string, scope string, id_value string, entity boolean"
    within = [("household", person, 7) for person in (1, 2)]
    refused = [("household", 12, None, "shared by 40 persons", DAY)]
    Bank(spark_session, tmp_path, on_disk=True).publish(
        {
            IDENTIFIER: small_frame(spark_session, places, shape),
            PERSON: small_frame(spark_session, [(1, 1)], "id_key bigint, person_id bigint"),
            ENTITY: small_frame(
                spark_session, within, "entity string, person_id bigint, entity_id bigint"
            ),
            ENTITY_IDENTIFIER: small_frame(
                spark_session, [("household", 11, 7)], "entity string, id_key bigint, entity_id int"
            ),
            ENTITY_REJECTED: small_frame(
                spark_session,
                refused,
                "entity string, id_key bigint, person_id bigint, reason string, day date",
            ),
        }
    )
    root = ["--root", str(tmp_path), "--json"]
    assert exit_code(["person", "address", "5, Lake Road", *root]) == 0
    [home] = json.loads(capsys.readouterr().out)
    assert home["title"] == "address 5 lake road: household 7"
    assert home["rows"] == [{"person": 1}, {"person": 2}]
    assert exit_code(["person", "landline", "0571-87654321", *root]) == 0
    [office] = json.loads(capsys.readouterr().out)
    assert office["rows"][0]["why"] == "shared by 40 persons"
    assert exit_code(["person", "user_id", "u1", *root]) == 0
    sections = {part["title"]: part["rows"] for part in json.loads(capsys.readouterr().out)}
    assert sections["belongs to"] == [{"entity": "household", "number": 7, "persons": 2}]


def _person_rows() -> tuple[Any, ...]:
    from databank.identity.tables import PERSON

    return PERSON, "id_key", "person_id"


@pytest.fixture
def ask(world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    conf = tmp_path / "conf"
    conf.mkdir()
    rules = {"identifiers": ["user_id", "phone", "cookie"], "must_link": [pair("u5", "u6")]}
    (conf / "identity.yml").write_text(json.dumps(rules))

    def run(*words: str) -> tuple[int, Any]:
        where = ["--root", world.bank.root, "--conf-dir", str(conf), "--json"]
        code = exit_code(["person", *words, *where])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if code == 0 else captured.err

    return run


def test_a_person_today(ask: Any) -> None:
    code, answer = ask("user_id", "u1")
    assert code == 0
    sections = {section["title"]: section["rows"] for section in answer}
    listed = {(row["type"], row["value"]) for row in sections["identifiers"]}
    assert listed == {("user_id", "u1"), ("cookie", "c1"), ("cookie", "c2"), ("phone", "p1")}
    phone = next(row for row in sections["identifiers"] if row["type"] == "phone")
    assert (phone["from"], phone["until"]) == (None, str(LATER))
    assert sections["tags"] == [
        {"tag": "keen", "value": "true", "as of": None},
        {"tag": "spend_90d", "value": 12.5, "as of": None},
    ]
    assert sections["life-cycle stage"] == [{"stage": "active", "as of": str(LATER)}]
    assert [row["kind"] for row in sections["what became of this person"]] == ["new"]


def test_a_person_by_number(ask: Any, world: World) -> None:
    person = dict(world.bank.rows(*_person_rows()))[world.keys["u1"]]
    _, by_number = ask("person_id", str(person))
    _, answer = ask("user_id", "u1")
    assert by_number == [
        {"title": f"person {person}", "rows": [], "section": "person"},
        *answer[1:],
    ]


def test_a_phone_is_whose_it_was_on_that_day(ask: Any) -> None:
    def values(*words: str) -> set[str]:
        _, answer = ask("phone", "p1", *words)
        sections = {section["title"]: section["rows"] for section in answer}
        assert len(answer[0]["rows"]) == 2
        return {row["value"] for row in sections["identifiers"]}

    assert values() == {"u2", "p1"}
    assert values("--day", str(LATER)) == {"u2", "p1"}
    assert values("--day", str(LATER - timedelta(days=1))) == {"u1", "p1", "c1", "c2"}


def test_an_excluded_identifier_is_unmatched(ask: Any) -> None:
    _, answer = ask("cookie", "c3")
    assert answer[0]["title"] == "cookie c3: unmatched today"
    assert answer[0]["rows"][0]["rule"] == "limit"


def test_the_chain_of_evidence(ask: Any) -> None:
    _, answer = ask("user_id", "u1", "--why", "cookie:c2")
    assert answer[0]["title"] == "user_id u1 and cookie c2 are one person: 2 links"
    first, second = answer[0]["rows"]
    assert (first["from"], first["to"], first["records"]) == ("user_id u1", "cookie c1", 3)
    assert (first["first seen"], first["last seen"]) == (f"{DAY} 10:00", f"{LATER} 10:00")
    assert (first["link"], second["link"]) == (None, "weakest")


def test_the_chain_of_a_past_day_and_of_a_rule_by_hand(ask: Any) -> None:
    _, answer = ask("phone", "p1", "--why", "user_id:u1", "--day", str(DAY))
    assert "are one person: 1 link" in answer[0]["title"]
    _, answer = ask("cookie", "c5", "--why", "cookie:c6")
    assert [row["rule"] for row in answer[0]["rows"]] == ["event", "manual", "event"]
    # a link by hand is never the one to break
    assert [row["link"] for row in answer[0]["rows"]][1] is None


def test_who_is_not_one_person_is_told_with_what_was_refused(ask: Any) -> None:
    _, answer = ask("user_id", "u3", "--why", "user_id:u4")
    assert answer[0]["title"] == "user_id u3 and user_id u4 are not one person"
    assert len(answer[0]["rows"]) == 2
    _, answer = ask("user_id", "u3", "--why", "cookie:c3")
    assert answer[0]["rows"][1]["person"] == "nobody"
    assert (answer[1]["rows"][0]["identifier"], answer[1]["rows"][0]["rule"]) == (
        "cookie c3",
        "limit",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("user_id", "u99"), "has not met this value"),
        (("card", "u1"), "no identifier of this type"),
        (("person_id", "999999"), "person_id 999999: the bank has no such person"),
        (("person_id", "u1"), "person_id u1: the bank has no such person"),
        (("cookie", " unknown"), "ingest refused this value: placeholder"),
        (("user_id", "u1", "--why", "cookie"), "write TYPE:VALUE"),
        (("user_id", "u1", "--day", "yesterday"), "--day: 'yesterday' is not a day"),
    ],
)
def test_what_cannot_be_answered_says_why(ask: Any, words: tuple[str, ...], message: str) -> None:
    code, error = ask(*words)
    assert code == 2
    assert message in error


def test_a_warehouse_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert exit_code(["person", "user_id", "u1", "--root", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert exit_code(["person", "user_id", "u1", "--root", str(tmp_path)]) == 2
    assert "no run has written there" in capsys.readouterr().err
