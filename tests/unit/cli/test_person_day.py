"""`databank person --day`: what a person did on a day, session by session; without Spark."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.archive.build import JOB
from databank.archive.config import ArchiveConfig
from databank.cli.main import exit_code
from databank.identity.tables import PERSON, REJECTED
from databank.session import small_frame
from databank.sources.tables import EVENTS, IDENTIFIER
from databank.tables.published_reader import PublishedReader
from tests.support.bank import Bank
from tests.support.frames import frame

DAY, BEFORE = date(2026, 1, 5), date(2026, 1, 4)
SESSIONS = {"events": ["view", "buy"]}
# 1 is u1's, 2 is u2's, 9 is a tablet of both that was set aside; times are UTC, the zone is +8
RECORDED = """
    e5 | 2026-01-05 02:00:00 | view | web | 1   | https://a.example/x?gclid=7 |     |
    e4 | 2026-01-05 02:00:00 | view | web | 1   | https://a.example/          |     |
    e6 | 2026-01-05 02:00:30 | ad   | ads | 9,1 |                             |     |
    e7 | 2026-01-05 02:01:30 | buy  | app | 9,1 | Basket                      | sku | 12.50
    e8 | 2026-01-05 15:59:59 | view | app | 1   | Home                        |     |
    e1 | 2026-01-05 01:00:00 | ad   | ads | 1   |                             |     |
    e2 | 2026-01-05 02:00:10 | view | web | 2,1 | https://a.example/          |     |
    e3 | 2026-01-05 02:00:10 | view | web | 9   | https://a.example/          |     |
    e9 | 2026-01-04 16:00:00 | view | web | 1   | https://a.example/early     |     |"""


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    made = Bank(spark_session, tmp_path_factory.mktemp("days"), on_disk=True)
    shape = (
        "event_id string, event_ts timestamp, event string, terminal string, held string, "
        "page string, item_id string, amount decimal(28,8)"
    )
    ids = F.split("held", ",").cast("array<bigint>")
    events = frame(spark_session, shape, RECORDED).select(
        "*", F.lit("web").alias("source"), ids.alias("ids"), ids[0].alias("id_key"),
        F.to_date(F.col("event_ts") + F.expr("INTERVAL 8 HOURS")).alias("day"),
    ).drop("held")  # fmt: skip
    old = events.withColumn("day", F.lit(BEFORE)).where("event_id = 'e9'")
    old = old.withColumn("event_id", F.lit("e0"))
    names = [(1, "user_id", "", "u1"), (2, "user_id", "", "u2"), (9, "imei", "", "m1")]
    made.publish(
        {
            EVENTS: old,
            IDENTIFIER: small_frame(
                spark_session, names, "id_key bigint, id_type string, scope string, id_value string"
            ),
            PERSON: small_frame(
                spark_session, [(1, 101), (2, 102)], "id_key bigint, person_id bigint"
            ),
            REJECTED: small_frame(spark_session, [(9, "limit")], "a_key bigint, rule string"),
        }
    )
    made.publish({EVENTS: events}, added=[EVENTS])
    made.run(JOB, ArchiveConfig.model_validate({"sessions": SESSIONS}))
    return made


@pytest.fixture
def ask(bank: Bank, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "databank.yml").write_text("timezone: Asia/Shanghai")
    (tmp_path / "conf" / "archive.yml").write_text(json.dumps({"sessions": SESSIONS}))

    def run(value: str, day: date, root: str = bank.root) -> dict[str, Any]:
        where = ["--root", root, "--conf-dir", str(tmp_path / "conf"), "--json"]
        assert exit_code(["person", "user_id", value, "--day", str(day), *where]) == 0
        answer = json.loads(capsys.readouterr().out)
        return {section["title"]: section["rows"] for section in answer}

    return run


def test_the_sessions_of_a_day(ask: Any) -> None:
    first, second, third = ask("u1", DAY)[f"sessions on {DAY}"]
    assert (first["entry"], first["from"], first["channel"]) == (
        "https://a.example/early", "00:00:00", "direct",
    )  # fmt: skip
    assert second == {
        "session": 2, "from": "10:00:00", "to": "10:01:30", "seconds": 90.0, "events": 3,
        "pages": 3, "terminals": "web, app", "entry": "https://a.example/", "exit": "Basket",
        "channel": "paid search", "source": "google", "medium": "cpc", "campaign": None,
    }  # fmt: skip
    assert (third["session"], third["from"], third["seconds"]) == (3, "23:59:59", 0.0)


def test_the_events_of_a_session_in_their_order(ask: Any) -> None:
    sections = ask("u1", DAY)
    rows = sections["session 2: 10:00:00 to 10:01:30, paid search"]
    seen = [(r["time"], r["terminal"], r["event"], r["page"], r["item"], r["amount"]) for r in rows]
    assert seen == [
        ("10:00:00", "web", "view", "https://a.example/", None, None),
        ("10:00:00", "web", "view", "https://a.example/x", None, None),
        ("10:00:30", "ads", "ad", None, None, None),
        ("10:01:30", "app", "buy", "Basket", "sku", 12.5),
    ]
    # what makes no session does not end the time on a page
    assert [row["seconds"] for row in rows] == [0.0, 90.0, None, None]
    assert [row["time"] for row in sections["in no session"]] == ["09:00:00"]


def test_an_event_is_told_of_one_person(ask: Any) -> None:
    sections = ask("u2", DAY)
    assert [s for s in sections if s.startswith("session")] == [
        f"sessions on {DAY}", "session 1: 10:00:10 to 10:00:10, direct",
    ]  # fmt: skip
    assert not any("session" in title or "events" in title for title in ask("u2", BEFORE))


def test_without_sessions_the_events_are_told(ask: Any, bank: Bank, tmp_path: Path) -> None:
    root = tmp_path / "bare"
    shutil.copytree(bank.root, root)
    Bank(bank.spark, root, on_disk=True).run(JOB, ArchiveConfig())
    sections = ask("u1", DAY, str(root))
    assert "sessions" not in " ".join(sections)
    assert [row["event"] for row in sections[f"events on {DAY}"]] == [
        "view", "ad", "view", "view", "ad", "buy", "view",
    ]  # fmt: skip


def test_only_files_of_the_day_are_read(ask: Any, bank: Bank, tmp_path: Path) -> None:
    root = tmp_path / "torn"
    shutil.copytree(bank.root, root)
    lookup = PublishedReader(str(root))
    held = {row[0] for row in lookup.find("core.events", ["filename"], "event_id = 'e0'")}
    rest = {row[0] for row in lookup.find("core.events", ["filename"], "event_id <> 'e0'")}
    assert held
    assert not held & rest
    for path in held:
        Path(path).unlink()
    assert len(ask("u1", DAY, str(root))[f"sessions on {DAY}"]) == 3
