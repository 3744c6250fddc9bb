"""Tags and audiences of households: over the events of all their persons."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from pyspark.sql import SparkSession

from databank.audiences.build import JOB as BUILD_AUDIENCES
from databank.audiences.config import AudienceConfig, AudiencesConfig
from databank.audiences.tables import ENTITY_MEMBER, MEMBER
from databank.identity.entities.tables import ENTITY
from databank.session import small_frame
from databank.tags.base import TagBase
from databank.tags.build import JOB as BUILD_TAGS
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import ENTITY_TAG, PERSON_TAG
from tests.support.bank import DAY, Bank, make_bank

DAYS = """
    1 | 2026-01-30 | purchase | 2 | 10.00
    1 | 2026-01-29 | login    | 1 |
    2 | 2026-01-30 | purchase | 1 | 30.00
    2 | 2026-01-30 | login    | 1 |
    3 | 2026-01-30 | purchase | 1 | 50.00
    4 | 2026-01-30 | purchase | 1 | 90.00
"""
# 4 is in no household; an account of the same numbers is another matter
WITHIN = [("household", 1, 7), ("household", 2, 7), ("household", 3, 9), ("account", 4, 7)]
NAMES = ("purchases", "spend", "active_days", "shared", "top")


def tag(name: str, entity: str = "household", **keys: object) -> TagBase:
    return read_tag({"name": name, "entity": entity, **keys})


TAGS = TagsConfig(
    (
        tag("purchases", kind="measure", event="purchase", measure="count"),
        tag("spend", kind="measure", event="purchase", measure="sum(amount)"),
        tag("active_days", kind="measure", event="*", measure="days"),
        tag("shared", kind="rule", when="persons >= 2 and purchases > 2"),
        tag("top", kind="percentile", of="spend", share=0.5),
        tag("paid", entity="person", kind="measure", event="purchase", measure="sum(amount)"),
    )
)


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    bank = make_bank(spark_session, tmp_path_factory.mktemp("bank"), persons=4, days=DAYS)
    shape = "entity string, person_id bigint, entity_id bigint"
    bank.publish({ENTITY: small_frame(spark_session, WITHIN, shape)})
    bank.run(BUILD_TAGS, TAGS, nodes=("paid",))
    bank.run(BUILD_TAGS, TAGS, nodes=NAMES)
    return bank


def test_a_household_has_what_its_persons_have(bank: Bank) -> None:
    columns = ("entity", "entity_id", "tag", "value_string", "value_double")
    assert bank.rows(ENTITY_TAG, *columns) == [
        # two persons on the same day are active on one day
        ("household", 7, "active_days", None, 2.0),
        ("household", 7, "purchases", None, 3.0),
        ("household", 7, "shared", "true", None),
        ("household", 7, "spend", None, 40.0),
        ("household", 9, "active_days", None, 1.0),
        ("household", 9, "purchases", None, 1.0),
        ("household", 9, "spend", None, 50.0),
        ("household", 9, "top", "true", None),
    ]
    paid = bank.rows(PERSON_TAG, "person_id", "tag", "value_double")
    assert paid == [(1, "paid", 10.0), (2, "paid", 30.0), (3, "paid", 50.0), (4, "paid", 90.0)]
    assert bank.metrics("tag_coverage", "tag")["spend"] == 2


def test_tags_that_are_no_more_go_and_persons_keep_theirs(bank: Bank, tmp_path: Path) -> None:
    fewer = TagsConfig(tuple(t for t in TAGS.tags if t.name in ("paid", "spend")))
    bank.run(BUILD_TAGS, fewer, nodes=("spend",))
    assert {row[0] for row in bank.rows(ENTITY_TAG, "tag")} == {"spend"}
    assert len(bank.rows(PERSON_TAG, "tag")) == 4
    bank.run(BUILD_TAGS, TAGS, nodes=NAMES)


def test_of_a_household_in_an_audience_all_persons_are(bank: Bank) -> None:
    config = AudiencesConfig(
        (
            AudienceConfig(audience="buyers", where="amount('purchase') >= 30"),
            AudienceConfig(
                audience="families",
                entity="household",
                where="shared and persons = 2 and in_audience('buyers')",
            ),
            AudienceConfig(
                audience="any_family", entity="household", where="in_audience('families')"
            ),
            AudienceConfig(audience="others", where="not in_audience('families')"),
        ),
        tags=TAGS.types,
    )
    for nodes in (("buyers",), ("families", "any_family"), ("others",)):
        bank.run(BUILD_AUDIENCES, config, nodes=nodes)
    assert bank.rows(MEMBER, "audience", "person_id") == [
        *(("any_family", person) for person in (1, 2)),
        *(("buyers", person) for person in (2, 3, 4)),
        *(("families", person) for person in (1, 2)),
        *(("others", person) for person in (3, 4)),
    ]
    rows = bank.rows(ENTITY_MEMBER, "audience", "day", "entity", "entity_id")
    assert rows == [(name, DAY, "household", 7) for name in ("any_family", "families")]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kind": "attribute", "attribute": "city"}, "a household has no attribute"),
        ({"kind": "model", "model": "churn"}, "a household has no model"),
        ({"kind": "rule", "when": "score('churn') > 0.5"}, r"a household has no score\(\)"),
        ({"kind": "rule", "when": "stage() = 'loyalty'"}, r"a household has no stage\(\)"),
    ],
)
def test_what_only_a_person_has_is_refused(keys: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tag("x", **keys)
    if "when" in keys:
        with pytest.raises(ValidationError, match=message):
            AudienceConfig(audience="x", entity="household", where=keys["when"])


def test_nobody_may_call_a_tag_persons() -> None:
    with pytest.raises(ValidationError, match="has the name of a column"):
        tag("persons", kind="rule", when="a")
