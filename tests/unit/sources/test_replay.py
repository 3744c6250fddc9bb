"""What is in quarantine comes back: on its day by itself, and by a replay after a correction."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from databank.cli.main import exit_code
from databank.runs import Outcome
from databank.sources.build import JOB
from databank.sources.config import SourcesConfig
from databank.sources.formats.registry import read_source
from databank.sources.replay import Replay, replay_quarantine
from tests.unit.sources.world import DAY, ORDER, World

pytestmark = pytest.mark.slow

SHOP: dict[str, Any] = {
    "source": "shop", "format": "csv", "path": "in/shop/*.csv", "becomes": "events",
    "columns": {"event_id": "id", "event_ts": "ts", "event": {"expr": "'buy'"}, "amount": "amount"},
    "identifiers": {"user_id": "user"},
}  # fmt: skip
LOG: dict[str, Any] = {
    "source": "log", "format": "json", "path": "in/log/*", "becomes": "events",
    "columns": {"event_id": "id", "event_ts": "ts", "event": {"expr": "'seen'"}},
    "identifiers": {"user_id": "user"},
}  # fmt: skip
GERMAN = SHOP | {"decimal": ","}
ROWS = [
    'id,ts,amount,user', '1,2026-01-30,"5,00",a', "2,2026-01-30,7,b", '3,2026-01-30,"x,00",c',
    '4,2026-01-31,"1,50",a', '4,2026-01-31,"1,50",a',
]  # fmt: skip


def again(
    world: World, *sources: dict[str, Any], day: date = DAY, only: str | None = None
) -> Outcome:
    config = SourcesConfig(sources=tuple(map(read_source, sources)), identifier_order=ORDER)
    return world.run_job(replace(JOB, step=replay_quarantine), Replay(config, only), day=day)


def loaded(world: World) -> list[tuple[Any, ...]]:
    return world.rows("core.events", "event_id", "cast(day as string)", "cast(amount as double)")


@pytest.fixture
def world(spark_session: SparkSession, tmp_path: Path) -> World:
    made = World(spark_session, tmp_path, (SHOP, LOG), memory=True)
    made.put("shop/1.csv", "\n".join(ROWS))
    made.put("log/1.json", '{"id":"l1","ts":"2026-01-30T10:00:00Z"}\n{"id":"l2"}')
    return made


def test_records_are_loaded_by_todays_configuration_once_and_in_their_day(world: World) -> None:
    assert world.run().outcome == "done"
    assert [row[0] for row in loaded(world)] == ["2", "l1"]
    assert world.read("ops.quarantine").where("source = 'shop'").count() == 4
    outcome = again(world, GERMAN, LOG, only="shop")
    assert outcome.summary == {
        "loaded from quarantine": 2, "repeated in quarantine": 1, "still in quarantine": 1,
    }  # fmt: skip
    assert loaded(world) == [
        ("1", "2026-01-30", 5.0), ("2", "2026-01-30", 7.0), ("4", "2026-01-31", 1.5),
        ("l1", "2026-01-30", None),
    ]  # fmt: skip
    left = world.rows("ops.quarantine", "source", "line", "reason")
    assert left == [
        ("log", 2, "event_ts is missing"),
        ("shop", 4, 'amount: cannot read "x,00" as decimal'),
    ]
    # what is left stays, and what was loaded is not loaded again
    assert again(world, GERMAN, LOG).summary["loaded from quarantine"] == 0
    assert len(loaded(world)) == 4
    assert world.rows("ops.quarantine", "source", "line", "reason") == left


@pytest.mark.nightly
def test_what_a_replay_gives_is_what_a_load_would_have_given(
    world: World, tmp_path: Path, spark_session: SparkSession
) -> None:
    world.run()
    again(world, GERMAN, LOG)
    right = World(spark_session, tmp_path / "right", (GERMAN, LOG), memory=True)
    right.put("shop/1.csv", "\n".join(ROWS))
    right.put("log/1.json", '{"id":"l1","ts":"2026-01-30T10:00:00Z"}\n{"id":"l2"}')
    right.run()
    for table in ("core.events", "identity.identifier"):
        columns = [name for name in right.read(table).columns if "load" not in name]
        texts = [f"cast({name} as string)" for name in columns]
        assert world.rows(table, *texts) == right.rows(table, *texts)


def test_columns_that_a_source_no_longer_has_are_told(world: World) -> None:
    world.run()
    renamed = SHOP | {"columns": SHOP["columns"] | {"amount": "price"}}
    assert again(world, renamed, only="shop").summary == {
        "not parsed again": "1 files, whose columns their source lacks"
    }
    assert world.read("ops.quarantine").where("source = 'shop'").count() == 4


def test_events_of_a_later_day_wait_for_its_run(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    # an export cut by UTC days, loaded by a bank whose days are those of Shanghai
    world = World(spark_session, tmp_path, (LOG,), timezone="Asia/Shanghai", memory=True)
    times = ["10:00:00", "15:59:59", "16:00:01", "23:00:00"]
    lines = [
        json.dumps({"id": str(n), "ts": f"2026-01-31T{time}Z"}) for n, time in enumerate(times)
    ]
    world.put("log/31.json", "\n".join(lines))
    world.run()
    assert [row[0] for row in loaded(world)] == ["0", "1"]
    waiting = world.rows("ops.quarantine", "rule", "cast(waits_for as string)")
    assert waiting == [("from_the_future", "2026-02-01")] * 2
    world.put("log/01.json", json.dumps({"id": "5", "ts": "2026-02-01T10:00:00Z"}))
    outcome = world.run(day=DAY + timedelta(days=1))
    assert outcome.summary["loaded from quarantine"] == 2
    assert [(row[0], row[1]) for row in loaded(world)] == [
        ("0", "2026-01-31"), ("1", "2026-01-31"), ("2", "2026-02-01"), ("3", "2026-02-01"),
        ("5", "2026-02-01"),
    ]  # fmt: skip
    assert world.rows("ops.quarantine", "rule") == []


@pytest.mark.nightly
def test_the_command_lists_without_values_and_a_dry_run_loads_nothing(
    spark_session: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(spark_session, tmp_path, (SHOP,))
    world.put("shop/1.csv", "\n".join(ROWS))
    world.run()
    conf = tmp_path / "conf"
    (conf / "sources").mkdir(parents=True)
    (conf / "sources" / "shop.yml").write_text(yaml.safe_dump(GERMAN))
    (conf / "identity.yml").write_text(yaml.safe_dump({"identifiers": list(ORDER)}))
    where = ["--root", str(tmp_path), "--conf-dir", str(conf), "--json"]

    def answer(*words: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = exit_code(["quarantine", *words, *where])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if code == 0 else None, captured.err

    code, [row], _ = answer()
    assert (code, row["rule"], row["rows"]) == (0, "unreadable_amount", 4)
    assert row["reason"] == 'amount: cannot read "..." as decimal'
    assert row["examples"] == "; ".join(f"in/shop/1.csv line {line}" for line in (2, 4, 5))
    code, [first, *_], _ = answer("--show-values")
    assert '"1,50"' in first["reason"] + first["examples"]
    code, [counts], _ = answer("replay", "--dry-run")
    assert (code, counts["loaded from quarantine"], counts["still in quarantine"]) == (0, 2, 1)
    world.store.refresh()
    assert [row[0] for row in loaded(world)] == ["2"]
    code, [counts], _ = answer("replay")
    world.store.refresh()
    assert (code, counts["loaded from quarantine"], len(loaded(world))) == (0, 2, 3)
    code, [counts], _ = answer("replay")
    assert (code, counts["loaded from quarantine"], counts["still in quarantine"]) == (0, 0, 1)
    code, _, error = answer("replay", "--source", "shoop")
    assert (code, "unknown source 'shoop'; one of shop" in error) == (2, True)
