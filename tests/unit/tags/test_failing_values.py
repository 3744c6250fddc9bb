"""An expression that meets a value it cannot take: exit 2, with its tag, and without the value."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.audiences.build import JOB as AUDIENCES
from databank.audiences.config import AudienceConfig, AudiencesConfig
from databank.errors import DataBankError
from databank.tables.ops import RUN
from databank.tags.build import JOB
from databank.tags.library import TagsConfig, read_tag
from tests.support.bank import Bank, make_bank

PHONE = "+8613810004884"
NAMED = {
    "name": "contact", "kind": "sql", "gives": "text",
    "select": f"SELECT person_id, event || max('{PHONE[3:]}') AS value "
    "FROM archive.person_day GROUP BY person_id, event",
}  # fmt: skip


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    made = make_bank(
        spark_session, tmp_path_factory.mktemp("bank"), persons=2, days="1 | 2026-01-30 | +86 | 3 |"
    )
    made.run(JOB, TagsConfig((read_tag(NAMED),)))
    return made


def of_tag(**keys: str) -> Callable[[Bank], object]:
    given = {"name": "wrong", **keys}
    return lambda bank: bank.run(JOB, TagsConfig((read_tag(NAMED), read_tag(given))))


def of_audience(where: str) -> Callable[[Bank], object]:
    audience = AudienceConfig.model_validate({"audience": "wrong", "where": where})
    types = {"contact": read_tag(NAMED).type}
    return lambda bank: bank.run(AUDIENCES, AudiencesConfig(audiences=(audience,), tags=types))


@pytest.mark.parametrize(
    ("run", "shown"),
    [
        (
            # a cast that is written gives null; this one is Spark's
            of_tag(kind="rule", when="contact > date '2026-01-01'"),
            "conf/tags: tag 'wrong': [CAST_INVALID_INPUT] (STRING, DATE) in "
            "`contact > date '2026-01-01'`",
        ),
        (
            of_tag(
                kind="sql",
                gives="date",
                select="SELECT person_id, to_date(event || '13810004884') AS value "
                "FROM archive.person_day",
            ),
            "tag 'wrong': [CAST_INVALID_INPUT] (STRING, DATE) in `to_date(event || '13810004884')`",
        ),
        (
            of_audience("date '2026-01-01' < contact"),
            "conf/audiences: audience 'wrong': [CAST_INVALID_INPUT] (STRING, DATE) in "
            "`date '2026-01-01' < contact`",
        ),
    ],
)
def test_tag_and_condition_are_named_and_no_value(
    bank: Bank,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    run: Callable[[Bank], object],
    shown: str,
) -> None:
    own = bank.copy(tmp_path / "bank")
    with pytest.raises(DataBankError) as caught:
        run(own)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(f"{shown}: a value in the data cannot be taken")
    runs = own.store.ledger(RUN)
    assert runs is not None
    messages = [row["message"] for row in runs.where("outcome = 'failed'").collect()]
    assert messages == [str(caught.value)]
    printed = capfd.readouterr()
    assert PHONE not in "".join([*messages, printed.out, printed.err])
