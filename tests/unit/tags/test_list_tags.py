"""Tags by a list of identifiers: who is named, by which line, and what comes to nothing."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.cli.main import exit_code
from databank.errors import DataBankError
from databank.identity.tables import PERSON
from databank.project.jobs import config_hash, job_config
from databank.project.load import load_project
from databank.session import small_frame
from databank.sources.erasure.secret import newest_secret, with_digests
from databank.sources.erasure.tables import ERASED_IDENTIFIER
from databank.sources.keys import key_of
from databank.sources.tables import IDENTIFIER
from databank.tags.build import JOB
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import LISTED, PERSON_TAG
from tests.support.bank import DAY, Bank, make_bank

SOURCE = """
source: crm
format: csv
path: crm/*.csv
becomes: profiles
columns: {record_id: id}
identifiers:
  phone: mobile
  email: mail
  wechat_openid: {column: openid, scope: app}
"""
TAGS = """
tags:
  - {name: vip_level, kind: person_list, identifier: phone, table: vip.csv}
  - {name: at_the_fair, kind: person_list, identifier: email, table: fair.csv, gives: boolean}
  - {name: willing, kind: person_list, identifier: phone, table: willing.csv, gives: boolean}
  - {name: budget, kind: person_list, identifier: phone, table: budget.csv, gives: number}
  - {name: since, kind: person_list, identifier: wechat_openid, scope: app2, table: since.csv,
     gives: date}
  - {name: rich, kind: rule, when: budget > 100 and vip_level = 'gold'}
"""
VIP = """\
phone,level
+86 138 1234 0001, gold
13812340002,silver
0086 138-1234-0002,"bronze, at last"

none,gold
13800000000,gold
13812340003,gold
13899990000,gold
13812340001,
13812340006,gold
13812340007,gold
13812340008,gold
"""
LISTS = {
    "vip.csv": VIP,
    "fair.csv": "\ufeffmail\r\n ANN@Example.org \r\nnobody@example.org\r\n,\r\n",
    "willing.csv": "phone,yes\n13812340001,TRUE\n13812340002,true\n13812340001,false\n",
    "budget.csv": "phone,budget\n13812340001,120.50\n13812340002,1e3\n13812340008,-0.5\n",
    "since.csv": "openid,since\noA,2026-01-02\n",
}
# identifier, person, from, until; the last but one was another's, and the last has a salted key
HELD = [
    (("phone", "", "+8613812340001"), 1, None, None),
    (("email", "", "ann@example.org"), 1, None, None),
    (("phone", "", "+8613812340002"), 2, None, None),
    (("wechat_openid", "app1", "oA"), 1, None, None),
    (("wechat_openid", "app2", "oA"), 2, None, None),
    (("phone", "", "+8613812340003"), 3, None, date(2026, 1, 20)),
    (("phone", "", "+8613812340003"), 4, date(2026, 1, 20), None),
    (("user_id", "", "u3"), 3, None, None),
    (("phone", "", "+8613812340006"), 6, None, None),
    (("phone", "", "+8613812340007"), 7, date(2026, 1, 15), None),
]
SALTED = ("phone", "", "+8613812340008")


def keyed(spark: SparkSession, rows: list[Any], *columns: str) -> DataFrame:
    """Rows of (type, scope, value) and more columns, with the plain key of each."""
    shape = ", ".join(("id_type string, scope string, id_value string", *columns))
    flat = [(*name, *rest) for name, *rest in rows]
    key = key_of(F.col("id_type"), F.col("scope"), F.col("id_value"))
    return small_frame(spark, flat, shape).withColumn("id_key", key)


def write(conf: Path, **texts: str) -> None:
    for name, text in texts.items():
        (conf / "tags" / name).write_text(text, newline="")


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conf")
    for name in ("sources", "tags"):
        (folder / name).mkdir()
    (folder / "identity.yml").write_text("identifiers: [user_id, phone, email, wechat_openid]")
    (folder / "sources" / "crm.yml").write_text(SOURCE)
    write(folder, **{"lists.yml": TAGS, **LISTS})
    return folder


@pytest.fixture(scope="module")
def built(
    spark_session: SparkSession, conf: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Bank, dict[str, Any]]:
    root = tmp_path_factory.mktemp("bank")
    days = "1 | 2026-01-01 | login | 1"
    bank = make_bank(spark_session, root, persons=1, days=days, on_disk=True)
    columns = ("person_id bigint", "valid_from date", "valid_to date")
    persons = keyed(spark_session, HELD, *columns)
    salted = small_frame(
        spark_session, [(99, 8, None, None)], "id_key bigint, " + ", ".join(columns)
    )
    gone = [(HELD[8][0], date(2026, 1, 25)), (HELD[9][0], date(2026, 1, 10))]
    erased = keyed(spark_session, gone, "until date")
    secret = newest_secret(bank.store.files, bank.settings)
    erased = with_digests(erased.select("id_key"), [secret]).join(erased, "id_key")
    shape = "id_type string, scope string, id_value string, salt int, id_key bigint"
    bank.publish(
        {
            PERSON: persons.select("id_key", *salted.columns[1:]).unionByName(salted),
            ERASED_IDENTIFIER: erased.drop("id_key"),
            IDENTIFIER: small_frame(spark_session, [(*SALTED, 1, 99)], shape),
        }
    )
    return bank, bank.run(JOB, library(conf)).summary


def library(conf: Path) -> TagsConfig:
    return job_config("build_tags", load_project(conf))


def texts(bank: Bank, tag: str) -> list[tuple[Any, ...]]:
    return bank.rows(PERSON_TAG, "person_id", "value_string", where=f"tag = '{tag}'")


def test_persons_are_found_as_ingest_would_and_the_last_line_counts(
    built: tuple[Bank, dict[str, Any]],
) -> None:
    bank, summary = built
    # 3 has passed the number on; 6 was erased, and 7 has it since another one was
    assert texts(bank, "vip_level") == [
        (1, "gold"), (2, "bronze, at last"), (4, "gold"), (7, "gold"), (8, "gold"),
    ]  # fmt: skip
    assert summary["vip_level, vip.csv"] == (
        "of 11 rows 2 without a valid phone (the first in line 6), 1 without a value (the first in "
        "line 10), 1 erased, to be removed (the first in line 11), 1 unmatched so far"
    )
    assert bank.rows(LISTED, "person_id", "file", "line", "id_type", where="tag = 'vip_level'") == [
        (1, "vip.csv", 2, "phone"), (2, "vip.csv", 4, "phone"), (4, "vip.csv", 8, "phone"),
        (7, "vip.csv", 12, "phone"), (8, "vip.csv", 13, "phone"),
    ]  # fmt: skip


def test_each_type_of_value(built: tuple[Bank, dict[str, Any]]) -> None:
    bank, summary = built
    assert texts(bank, "at_the_fair") == [(1, "true")]
    assert summary["at_the_fair, fair.csv"] == "of 2 rows 1 unmatched so far"
    # 1 has taken it back
    assert texts(bank, "willing") == [(2, "true")]
    assert summary["willing, willing.csv"] == "all 3 rows are matched"
    numbers = bank.rows(PERSON_TAG, "person_id", "value_double", where="tag = 'budget'")
    assert numbers == [(1, 120.5), (2, 1000.0), (8, -0.5)]
    # the same openid is another person's in another app
    days = bank.rows(PERSON_TAG, "person_id", "value_date", where="tag = 'since'")
    assert days == [(2, date(2026, 1, 2))]
    assert texts(bank, "rich") == [(1, "true")]


def test_who_is_met_later_has_it_then_and_lines_go_with_their_tag(
    spark_session: SparkSession, conf: Path, built: tuple[Bank, dict[str, Any]], tmp_path: Path
) -> None:
    bank = Bank(spark_session, tmp_path)
    persons = built[0].read(PERSON)
    bank.publish({PERSON: persons.where("person_id = 1")})
    full = library(conf)
    smaller = TagsConfig(full.tags[:1], full.archive)
    bank.run(JOB, smaller)
    assert texts(bank, "vip_level") == [(1, "gold")]
    bank.publish({PERSON: persons.where("person_id IN (1, 2)")})
    bank.run(JOB, smaller, config_hash="same")
    assert texts(bank, "vip_level") == [(1, "gold"), (2, "bronze, at last")]
    everybody = read_tag({"name": "all", "kind": "rule", "when": "true"})
    bank.run(JOB, TagsConfig((everybody,), full.archive))
    assert bank.rows(LISTED, "*") == []


def test_the_cells_of_a_list_are_nowhere_in_the_configuration(conf: Path) -> None:
    project = load_project(conf)
    shown = repr(job_config("build_tags", project))
    assert "13812340001" not in shown
    assert str(conf) not in shown
    before = config_hash("build_tags", project)
    assert config_hash("build_tags", load_project(conf)) == before
    write(conf, **{"vip.csv": VIP + "13812340002,gold\n"})
    assert config_hash("build_tags", load_project(conf)) != before
    write(conf, **{"vip.csv": VIP})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("budget.csv", "phone,budget\n\n13812340001,3\n13812340002,lots\n", "line 4: its value "
         "is no number; write 12.5, or another `gives`"),
        ("budget.csv", "budget,phone\n1,2\n1,1_3812340002\n", "line 3: its value is no number"),
        ("since.csv", "openid,since\noA,2026\n", "line 2: its value is no date; write 2026-"),
        ("willing.csv", "phone,yes\n13812340002,ja\n", "line 2: its value is no boolean"),
        ("vip.csv", "phone,level\n13812340002,gold, silver\n", "line 2: has 3 cells, and the f"),
        ("fair.csv", "mail\nann@example.org,vip\n", "line 2: has 2 cells, and the first line 1"),
        ("vip.csv", 'phone,level\n13812340002,"gold\n', "line 2: unexpected end of data; fix"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_told_by_its_line_alone(
    conf: Path, built: tuple[Bank, dict[str, Any]], name: str, text: str, message: str
) -> None:
    bank, _ = built
    before = bank.rows(PERSON_TAG, "*")
    write(conf, **{name: text})
    try:
        with pytest.raises(DataBankError) as caught:
            bank.run(JOB, library(conf))
    finally:
        write(conf, **{name: LISTS[name]})
    assert caught.value.exit_code == 2
    assert f"{name}, {message}" in str(caught.value)
    assert "1381234" not in str(caught.value).replace("_", "")
    assert bank.rows(PERSON_TAG, "*") == before


def test_a_list_that_has_gone_since_is_told(conf: Path, built: tuple[Bank, dict[str, Any]]) -> None:
    config = library(conf)
    (conf / "tags" / "vip.csv").unlink()
    try:
        with pytest.raises(DataBankError, match="cannot be read any more; put it back"):
            built[0].run(JOB, config)
    finally:
        write(conf, **{"vip.csv": VIP})


@pytest.fixture
def ask(built: tuple[Bank, dict[str, Any]], conf: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str) -> Any:
        capsys.readouterr()
        where = ("--conf-dir", str(conf), "--root", built[0].root, "--json")
        assert exit_code([*words, *where]) == 0
        return json.loads(capsys.readouterr().out)

    return call


def test_why_names_the_line_and_the_type_of_the_identifier(ask: Any) -> None:
    first, line = ask("person", "person_id", "2", "--why-tag", "vip_level")
    assert first["title"] == f"person 2: vip_level bronze, at last as of {DAY}"
    assert line["title"] == "vip_level: what vip.csv says of who has the phone"
    assert line["rows"] == [{"list": "vip.csv", "line": 4, "by": "phone"}]
    # the line that took it back
    _, line = ask("person", "person_id", "1", "--why-tag", "willing")
    assert [row["line"] for row in line["rows"]] == [4]
    sections = ask("person", "person_id", "1", "--why-tag", "rich")
    assert [section["title"] for section in sections[2:]] == [
        "budget: what budget.csv says of who has the phone",
        "vip_level: what vip.csv says of who has the phone",
    ]
    assert "1381234" not in json.dumps(sections)


def test_the_library_tells_the_list_and_the_type(ask: Any) -> None:
    what, reads, *_ = ask("tags", "since")
    assert what["title"] == "since: what since.csv says of who has the wechat_openid"
    assert reads["rows"] == [
        {"reads": "since.csv", "what": "list by wechat_openid"},
        {"reads": "identity.person", "what": "who has the wechat_openid"},
    ]
