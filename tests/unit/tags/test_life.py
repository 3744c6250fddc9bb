"""The life of a tag: what is kept of past days, when it is built, when its reach moves too far."""

from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.tags.build import JOB
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import HISTORY, PERSON_TAG
from tests.support.bank import DAY, Bank, make_bank

DAYS = "\n".join(f"{person} | 2026-01-20 | login | {person}" for person in range(1, 6))
LOGINS = {"name": "logins", "kind": "measure", "event": "login", "measure": "count"}
# their values are one more each day: 11 on the first
SINCE = {"name": "since", "kind": "measure", "event": "login", "measure": "recency"}
SELDOM = SINCE | {"name": "seldom", "refresh": "7 days"}
QUIET = {"name": "quiet", "kind": "rule", "when": "seldom >= 13"}


@pytest.fixture
def bank(spark_session: SparkSession, tmp_path: Path) -> Bank:
    return make_bank(spark_session, tmp_path, persons=6, days=DAYS)


def tags(*given: dict[str, object]) -> TagsConfig:
    return TagsConfig(tuple(read_tag(each) for each in given))


def keen(least: int, **keys: object) -> dict[str, object]:
    return {"name": "keen", "kind": "rule", "when": f"logins >= {least}", **keys}


@pytest.mark.slow
def test_values_are_kept_as_long_as_the_tag_asks(bank: Bank) -> None:
    second, third = DAY + timedelta(days=1), DAY + timedelta(days=2)
    bank.run(JOB, tags(LOGINS, keen(4, keep_days=2)))
    bank.run(JOB, tags(LOGINS, keen(3, keep_days=2)))
    # the day again, with another rule: the rows of the day are those of the last run
    columns = ("as_of", "tag", "person_id")
    assert bank.rows(HISTORY, *columns) == [(DAY, "keen", person) for person in (3, 4, 5)]
    bank.run(JOB, tags(LOGINS, keen(5, keep_days=2)), day=second)
    assert [row[::2] for row in bank.rows(HISTORY, *columns)] == [
        *((DAY, person) for person in (3, 4, 5)),
        (second, 5),
    ]
    bank.run(JOB, tags(LOGINS, keen(5, keep_days=2)), day=third)
    assert {row[0] for row in bank.rows(HISTORY, "as_of")} == {second, third}
    # another part does not touch it
    bank.run(JOB, tags(LOGINS, keen(5, keep_days=2)), day=third, nodes=("logins",))
    assert {row[0] for row in bank.rows(HISTORY, "as_of")} == {second, third}
    # what asks for it no more is not kept
    bank.run(JOB, tags(LOGINS, keen(5)), day=third)
    assert bank.rows(HISTORY, "as_of") == []


def test_a_coverage_that_moves_too_far_is_reported(bank: Bank) -> None:
    def alarms(least: int) -> dict[str, object]:
        summary = bank.run(JOB, tags(LOGINS, keen(least, alarm=0.3))).summary
        return {name: text for name, text in summary.items() if name.startswith("alarm")}

    # at first there is nothing to compare with
    assert alarms(2) == {}
    assert alarms(3) == {}
    assert alarms(1) == {"alarm: keen": "5 have it, 3 before (+67%)"}
    assert alarms(9) == {"alarm: keen": "0 have it, 5 before (-100%)"}
    assert bank.metrics("tag_coverage_moved", "tag")["keen"] == -1.0
    assert alarms(1) == {}


def test_a_tag_that_nobody_has_is_told(bank: Bank) -> None:
    wrong = {"name": "buys", "kind": "measure", "event": "logn", "measure": "days"}
    early = {**LOGINS, "name": "early", "window": "2025-01-01..2025-01-31"}
    summary = bank.run(JOB, tags(LOGINS, wrong, early, keen(99))).summary
    unmatched = {name: text for name, text in summary.items() if name.startswith("nobody")}
    assert unmatched == {
        "nobody has: buys": "no event 'logn'; did you mean 'login'?",
        "nobody has: early": "check its event, its window and its filter",
        "nobody has: keen": "its condition holds for nobody",
    }


def values(bank: Bank) -> dict[str, tuple[object, ...]]:
    """Of the first person: number and day of each tag."""
    columns = ("tag", "value_double", "as_of")
    return {
        tag: value_and_day
        for tag, *value_and_day in bank.rows(PERSON_TAG, *columns, where="person_id = 1")
    }


@pytest.mark.slow
def test_a_tag_is_kept_until_its_refresh_and_read_as_it_is(bank: Bank) -> None:
    library = tags(SINCE, SELDOM, QUIET)

    def build(days: int, **how: str) -> tuple[dict[str, object], dict[str, tuple[object, ...]]]:
        day = DAY + timedelta(days=days)
        hashed = how.pop("hashed", "one")
        summary = bank.run(JOB, library, day=day, config_hash=hashed, **how).summary
        counts = {name: n for name, n in summary.items() if not name.startswith("nobody")}
        return counts, values(bank)

    summary, by_tag = build(0)
    assert summary == {"tags": 3, "rows": 10}
    assert by_tag == {"since": [11.0, DAY], "seldom": [11.0, DAY]}
    later = DAY + timedelta(days=3)
    summary, by_tag = build(3)
    assert summary == {"tags": 2, "rows": 5, "kept until their refresh": 1}
    # 14 of `since` would be quiet; the rule reads what is kept
    assert by_tag == {"since": [14.0, later], "seldom": [11.0, DAY]}
    assert bank.metrics("tag_mean", "tag") == {"since": 14.0, "seldom": 11.0}
    assert build(6)[1]["seldom"] == [11.0, DAY]
    _, by_tag = build(7)
    week = DAY + timedelta(days=7)
    assert by_tag["seldom"] == by_tag["since"] == [18.0, week]
    assert by_tag["quiet"] == [None, week]
    # another configuration: at once; and so where it is asked for by name
    assert build(8, hashed="two")[1]["seldom"] == [19.0, DAY + timedelta(days=8)]
    assert build(9, hashed="two", only="seldom")[1]["seldom"] == [20.0, DAY + timedelta(days=9)]
    assert build(10, hashed="two")[1]["seldom"] == [20.0, DAY + timedelta(days=9)]


def test_what_another_part_has_built_since_is_not_trusted(bank: Bank) -> None:
    parts = {"one": ("seldom",), "two": ("seldom", "since")}
    seldom = []
    for days, hashed in enumerate(("one", "two", "one", "one")):
        day = DAY + timedelta(days=days)
        bank.run(JOB, tags(SINCE, SELDOM), day=day, config_hash=hashed, nodes=parts[hashed])
        seldom.append(values(bank)["seldom"][0])
    assert seldom == [11.0, 12.0, 13.0, 13.0]


def test_a_part_that_is_kept_writes_nothing_but_lets_former_days_go(bank: Bank) -> None:
    library = tags(SELDOM | {"keep_days": 2}, {**SELDOM, "name": "other"})

    def build(days: int) -> dict[str, object]:
        day = DAY + timedelta(days=days)
        return bank.run(JOB, library, day=day, config_hash="one").summary

    build(0)
    before = bank.store.published[PERSON_TAG.name]
    assert build(1) == {"tags": 0, "rows": 0, "kept until their refresh": 2}
    assert bank.store.published[PERSON_TAG.name] == before
    assert len(bank.rows(HISTORY, "as_of")) == 5
    build(2)
    assert bank.rows(HISTORY, "as_of") == []
    assert len(bank.rows(PERSON_TAG, "tag")) == 10


def test_what_nobody_has_is_built_by_each_run(bank: Bank) -> None:
    never = keen(99, refresh="7 days")
    for days in (0, 1):
        day = DAY + timedelta(days=days)
        summary = bank.run(JOB, tags(LOGINS, never), day=day, config_hash="one").summary
        assert summary["tags"] == 2
        assert "nobody has: keen" in summary


@pytest.mark.parametrize("wrong", ["weekly", "0 days", "7", "7 weeks"])
def test_a_refresh_is_in_days(wrong: str) -> None:
    with pytest.raises(ValueError, match="refresh"):
        read_tag(LOGINS | {"refresh": wrong})
