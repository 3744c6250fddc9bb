"""Audiences end to end, against conditions written out by hand."""

from datetime import date

import pytest
from pyspark.sql import SparkSession

from databank.archive.config import ArchiveConfig
from databank.audiences.build import JOB
from databank.audiences.config import AudienceConfig, AudiencesConfig
from databank.audiences.tables import MEMBER
from databank.lifecycle.tables import STAGE
from databank.tags.tables import PERSON_TAG
from tests.support.bank import Bank, make_bank

DAYS = """
    1 | 2026-01-30 | login      | 1 |
    1 | 2025-12-30 | purchase   | 1 | 10.00
    1 | 2026-01-15 | view_bill  | 1 |       | app
    2 | 2026-01-30 | login      | 1 |
    2 | 2026-01-12 | purchase   | 1 | 10.00
    2 | 2026-01-15 | view_bill  | 1 |       | web
    3 | 2026-01-30 | login      | 1 |
    3 | 2026-01-30 | purchase   | 1 | 10.00
    3 | 2026-01-15 | ad_click   | 1 |       | ads | campaign=instalment
    4 | 2026-01-30 | login      | 1 |
    4 | 2026-01-30 | purchase   | 1 | 10.00
    4 | 2026-01-15 | ad_click   | 1 |       | ads | campaign=instalment
"""
PROSPECTS = """
    events('login', 'this month') >= 1 and events('purchase') >= 1
    and (events('view_bill', 'this month', "terminal = 'app'") >= 1
         or events('ad_click', 'this month', "campaign = 'instalment'") >= 1)
    and not in_audience('opted_out')
"""
ARCHIVE = ArchiveConfig.model_validate({"dimensions": {"ad_click": {"campaign": "campaign"}}})


def audiences(keep_days: int = 90, **conditions: str) -> AudiencesConfig:
    configs = tuple(
        AudienceConfig(audience=name, where=text, keep_days=keep_days)
        for name, text in conditions.items()
    )
    types = {"opted_out_attribute": "text", "spend": "count", "vip": "boolean"}
    return AudiencesConfig(configs, ARCHIVE, types)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    bank = make_bank(spark_session, tmp_path_factory.mktemp("bank"), persons=5, days=DAYS)
    tags = spark_session.sql(
        """
        SELECT person_id, tag, value_string, value_double FROM VALUES
          (4L, 'opted_out_attribute', 'true', null), (1L, 'opted_out_attribute', 'false', null),
          (1L, 'spend', null, 10D), (2L, 'vip', 'true', null)
        AS t(person_id, tag, value_string, value_double)
        """
    )
    stages = spark_session.sql("SELECT 3L person_id, date'2026-01-31' day, 'loyalty' stage")
    bank.publish({PERSON_TAG: tags, STAGE: stages})
    return bank


def test_conditions_over_events_tags_stages_and_siblings(bank: Bank) -> None:
    given = audiences(
        prospects=PROSPECTS,
        opted_out="opted_out_attribute = 'true'",
        not_opted_out="not (opted_out_attribute = 'true')",
        low="spend < 5",
        plain="not vip and not in_audience('prospects')",
        loyal="stage() = 'loyalty'",
    )
    bank.run(JOB, given)
    assert bank.rows(MEMBER, "audience", "person_id") == [
        ("low", 2), ("low", 3), ("low", 4), ("low", 5),
        ("loyal", 3),
        # the attribute of the others is unknown, and what is unknown is no member
        ("not_opted_out", 1),
        ("opted_out", 4),
        ("plain", 4), ("plain", 5),
        ("prospects", 1), ("prospects", 3),
    ]  # fmt: skip
    assert bank.metrics("audience_size", "audience")["low"] == 4


def test_an_audience_of_another_part_is_read_from_its_table(bank: Bank) -> None:
    given = audiences(vips="vip", others="not in_audience('vips')")
    day = date(2026, 2, 1)
    bank.run(JOB, given, nodes=("vips",), day=day)
    bank.run(JOB, given, nodes=("others",), day=day)
    rows = bank.rows(MEMBER, "audience", "person_id", where="day = '2026-02-01'")
    assert rows == [("others", 1), ("others", 3), ("others", 4), ("others", 5), ("vips", 2)]


def test_days_past_their_keeping_are_removed(bank: Bank) -> None:
    given = audiences(keep_days=2, kept="vip")
    for day in (10, 11, 12):
        bank.run(JOB, given, day=date(2026, 2, day))
    days = bank.rows(MEMBER, "day", where="audience = 'kept'")
    assert [row[0].day for row in days] == [11, 12]


def test_a_circle_of_audiences_is_refused(bank: Bank) -> None:
    given = audiences(a="in_audience('b')", b="in_audience('a')")
    with pytest.raises(ValueError, match="references form a circle: a -> b -> a"):
        bank.run(JOB, given, day=date(2026, 3, 1))
