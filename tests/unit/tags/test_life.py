"""The life of a tag: what is kept of past days, and when its reach moves too far."""

from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.tags.build import JOB
from databank.tags.config import TagConfig, TagsConfig
from databank.tags.tables import HISTORY
from tests.support.bank import DAY, Bank, make_bank

DAYS = "\n".join(f"{person} | 2026-01-20 | login | {person}" for person in range(1, 6))
LOGINS = {"name": "logins", "kind": "measure", "event": "login", "measure": "count"}


@pytest.fixture
def bank(spark_session: SparkSession, tmp_path: Path) -> Bank:
    return make_bank(spark_session, tmp_path, persons=6, days=DAYS)


def tags(*given: dict[str, object]) -> TagsConfig:
    return TagsConfig(tuple(TagConfig.model_validate(each) for each in given))


def keen(least: int, **keys: object) -> dict[str, object]:
    return {"name": "keen", "kind": "rule", "when": f"logins >= {least}", **keys}


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


def test_a_reach_that_moves_too_far_is_told(bank: Bank) -> None:
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
    told = {name: text for name, text in summary.items() if name.startswith("nobody")}
    assert told == {
        "nobody has: buys": "no event 'logn'; did you mean 'login'?",
        "nobody has: early": "check its event, its window and its filter",
        "nobody has: keen": "its condition holds for nobody",
    }
