"""What cannot be computed is null, and counted; the run day in expressions and filters."""

import pytest
from pyspark.sql import SparkSession

from databank.archive.config import ArchiveConfig
from databank.audiences.build import JOB as AUDIENCES
from databank.audiences.config import AudienceConfig, AudiencesConfig
from databank.audiences.tables import MEMBER
from databank.tags.build import JOB
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import PERSON_TAG
from tests.support.bank import Bank, make_bank

ARCHIVE = ArchiveConfig.model_validate({"dimensions": {"read": {"until": "props['until']"}}})
# person 1 pays 15 an event; 2 has paid for what is no event, 3 nothing at all
DAYS = """
    1 | 2026-01-31 | buy   | 2 | 30.00
    1 | 2026-01-31 | login | 1 |
    2 | 2026-01-30 | fee   | 1 | 99.00
    2 | 2026-01-30 | login | 3 |
    1 | 2026-01-05 | read  | 1 | | | until=2026-02-01
    2 | 2026-01-05 | read  | 1 | | | until=2026-01-30
    3 | 2026-01-05 | read  | 1 | | | until=soon
"""
RATIO = "amount('*') / events('buy') > 10"
RULES = {
    "ratio": RATIO,
    "vip_or_ratio": f"logins >= 3 or {RATIO}",
    "asks_first": "events('buy') > 0 and amount('*') / events('buy') > 10",
    "catches": "coalesce(amount('*') / events('buy'), 0) < 1",
    "too_large": "events('login') * 9223372036854775807 > 0",
    "is_date": "cast(noted as date) < :day",
    "waits": "datediff(:day, last_login) >= 1",
}


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    made = make_bank(spark_session, tmp_path_factory.mktemp("bank"), persons=3, days=DAYS)
    measures = [
        {"name": "logins", "kind": "measure", "event": "login", "measure": "count"},
        {"name": "last_login", "kind": "measure", "event": "login", "measure": "last"},
        {"name": "noted", "kind": "top", "event": "read", "by": "until"},
        {"name": "valid", "kind": "measure", "event": "read", "measure": "count",
         "filter": "cast(until as date) > :day"},
    ]  # fmt: skip
    rules = [{"name": name, "kind": "rule", "when": when} for name, when in RULES.items()]
    tags = TagsConfig(tuple(read_tag(each) for each in [*measures, *rules]), ARCHIVE)
    made.run(JOB, tags)
    return made


def have(bank: Bank, tag: str) -> list[int]:
    rows = bank.rows(PERSON_TAG, "tag", "person_id")
    return [person for name, person in rows if name == tag]


@pytest.mark.parametrize(
    ("tag", "persons"),
    [
        ("ratio", [1]),
        ("vip_or_ratio", [1, 2]),
        ("asks_first", [1]),
        ("catches", [2, 3]),
        ("too_large", [1]),
        ("is_date", [2]),
        ("waits", [2]),
        ("valid", [1]),
    ],
)
def test_the_rest_of_a_condition_counts_all_the_same(
    bank: Bank, tag: str, persons: list[int]
) -> None:
    assert have(bank, tag) == persons


def test_a_build_says_for_how_many_persons_there_is_no_value(bank: Bank) -> None:
    counts = {"ratio": 2, "vip_or_ratio": 1, "too_large": 1, "is_date": 1}
    # what is computed for nobody who needs it is no fault
    every = bank.metrics("tag_faults", "tag")
    assert every == counts | {"asks_first": 0}


def test_audiences_follow_the_same_rules(bank: Bank) -> None:
    audiences = [
        AudienceConfig.model_validate({"audience": name, "where": where})
        for name, where in {
            "payers": f"logins >= 3 or {RATIO}",
            "recent": "last_login > :day - 1 and not in_audience('payers')",
            "late": "last_login < date_sub(:day, 0)",
        }.items()
    ]
    types = {"logins": "count", "last_login": "date"}
    outcome = bank.run(AUDIENCES, AudiencesConfig(tuple(audiences), ARCHIVE, types))
    assert bank.rows(MEMBER, "audience", "person_id") == [
        ("late", 2), ("payers", 1), ("payers", 2),
    ]  # fmt: skip
    [line] = [name for name in outcome.summary if name.startswith("not computable")]
    assert (line, outcome.summary[line]) == (
        "not computable: payers",
        "1 (zero divisor, failed cast or overflow; taken as null)",
    )
