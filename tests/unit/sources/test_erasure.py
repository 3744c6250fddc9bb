"""Identifiers that leave the bank: what is left of their records, and what comes again."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from databank.config import Settings
from databank.runs import Runner
from databank.runs.progress import Progress
from databank.sources.erasure import REQUEST_JOB, Erasure, Requests
from databank.tables import DeltaStore
from tests.unit.sources.test_ingest import ADS, CRM, DAY, POS, WEB, World

PHONE, OTHER = "+8613912345670", "+8613912345671"
NEXT = DAY + timedelta(days=1)


def web(*records: dict[str, Any]) -> str:
    given = {"ts": "2026-01-30T10:00:00Z", "name": "view", "url": "/a", "tab": 3}
    return "".join(json.dumps({**given, **record}) + "\n" for record in records)


def ask(
    world: World, id_value: str, until: date, since: date | None = None, *, whole: bool = False
) -> None:
    found = world.read("identity.identifier").where(f"id_value = '{id_value}'").collect()
    erasures = tuple(Erasure(row["id_key"], since, until, whole) for row in found)
    assert erasures
    runner = Runner(
        DeltaStore(world.spark, str(world.root)), Settings(), progress=Progress(quiet=True)
    )
    runner.run(REQUEST_JOB, Requests(erasures), day=until, config_hash=uuid4().hex)


def kept(world: World, table: str, column: str = "id_value") -> set[str]:
    return {row[0] for row in world.rows(table, column)}


@pytest.fixture
def world(spark_session: SparkSession, tmp_path: Path) -> World:
    made = World(spark_session, tmp_path, (WEB, POS, ADS, CRM))
    made.put(
        "web/1.json",
        web(
            {"id": "e1", "user": "u1", "mobile": "139 1234 5670", "price": "2.50", "quantity": 2},
            {"id": "e2", "mobile": "139-1234-5670", "price": "4.00", "quantity": 1},
            {"id": "e3", "mobile": "139 1234 5671"},
            {"id": "e4", "mobile": "139 1234 5670", "ts": "yesterday"},
        ),
    )
    sold = "sold,store,mobile,amount\n2026-01-30 10:00,bath,{},{}\n"
    made.put("pos/1.csv", sold.format("+86 139 1234 5670", "7.00"))
    made.put(
        "crm/1.csv", "no,mobile,changed,name\n1,13912345670,2026-01-29,Ann\n2,13912345671,,Bo\n"
    )
    made.put("ads/1.parquet", b"")
    rows = [
        {"at": "2026-01-30 10:00:00", "kind": "ad_click", "openid": o, "app": "x"} for o in "ab"
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in/ads/1.parquet")
    made.run()
    return made


def test_one_identifier_leaves_all_records_and_the_rest_stays(world: World) -> None:
    ask(world, PHONE, DAY)
    ask(world, "a", DAY)
    summary = world.run(day=NEXT).summary
    assert summary["identifiers erased"] == 2
    assert kept(world, "identity.identifier") == {OTHER, "u1", "b"}
    events = {
        row["event_id"]: row for row in world.read("core.events").where("source = 'web'").collect()
    }
    assert len(events["e1"]["ids"]) == 1
    assert events["e1"]["id_key"] == events["e1"]["ids"][0]
    assert events["e1"]["props"] == {"tab": "3", "price": "2.50"}
    # nothing tells whose it was, and the money is still there
    assert (events["e2"]["ids"], events["e2"]["id_key"], events["e2"]["props"]) == ([], None, None)
    assert [str(events[e]["amount"]) for e in ("e1", "e2")] == ["5.00", "4.00"]
    assert len(events["e3"]["ids"]) == 1
    assert kept(world, "core.profiles", "record_id") == {"2"}
    texts = kept(world, "raw.record", "value") | kept(world, "ops.quarantine", "raw")
    assert len(texts) == 5  # two headers, e3, Bo, the click of b
    assert not [text for text in texts if "5670" in text.replace(" ", "").replace("-", "")]
    assert not [text for text in texts if '"openid":"a"' in text]
    # it is done once
    assert world.run(day=NEXT).summary == {"new files": 0}


def test_old_records_do_not_bring_it_back_and_new_ones_do(world: World) -> None:
    ask(world, PHONE, DAY)
    world.run(day=NEXT)
    world.put("web/2.json", web({"id": "e9", "user": "u1", "mobile": "139 1234 5670"}))
    summary = world.run(day=NEXT).summary
    assert summary["warning web.erased_identifier"] == 1
    assert OTHER in kept(world, "identity.identifier")
    assert PHONE not in kept(world, "identity.identifier")
    assert [
        len(row[0])
        for row in world.read("core.events").where("event_id = 'e9'").select("ids").collect()
    ] == [1]
    assert not [text for text in kept(world, "raw.record", "value") if "e9" in text]
    world.put("web/3.json", web({"id": "e10", "mobile": "139 1234 5670", "ts": f"{NEXT} 10:00:00"}))
    world.run(day=NEXT)
    assert PHONE in kept(world, "identity.identifier")
    assert [text for text in kept(world, "raw.record", "value") if "e10" in text]


def test_who_had_it_before_or_after_keeps_it(world: World) -> None:
    world.put("web/2.json", web({"id": "old", "mobile": "139 1234 5670", "ts": "2026-01-02 10:00"}))
    world.run()
    ask(world, PHONE, DAY, since=date(2026, 1, 20))
    world.run(day=NEXT)
    assert PHONE in kept(world, "identity.identifier")
    whose = dict(world.rows("core.events", "event_id", "ids"))
    assert (len(whose["old"]), len(whose["e1"]), len(whose["e2"])) == (1, 1, 0)
    assert [text for text in kept(world, "raw.record", "value") if '"old"' in text]


def test_a_crash_in_the_middle_leaves_it_to_the_next_run(world: World) -> None:
    ask(world, PHONE, DAY)

    def fail(at: str) -> None:
        if at == "after:core.events":
            raise RuntimeError(at)

    world.fault = fail
    with pytest.raises(RuntimeError):
        world.run(day=NEXT)
    assert PHONE in kept(world, "identity.identifier")
    world.fault = None
    assert world.run(day=NEXT).summary["identifiers erased"] == 1
    assert PHONE not in kept(world, "identity.identifier")
    assert len(world.rows("identity.erased", "id_key")) == 1


def test_a_file_whose_columns_are_other_ones_now_is_named(world: World) -> None:
    ask(world, PHONE, DAY)
    columns = {**CRM["columns"], "title": "title"}
    world.sources = (WEB, POS, ADS, {**CRM, "columns": columns})
    told = world.run(day=NEXT).summary["warning: not searched"]
    assert str(told).startswith("in/crm/1.csv; ")


def test_a_record_of_an_erased_person_keeps_nobody_elses_identifier(world: World) -> None:
    ask(world, "u1", DAY, whole=True)
    world.run(day=NEXT)
    events = {row["event_id"]: row for row in world.read("core.events").collect()}
    # the number that it names as well may be anybody's: what is left would pass to that person
    assert (events["e1"]["ids"], events["e1"]["props"], events["e1"]["page"]) == ([], None, None)
    assert len(events["e2"]["ids"]) == 1
    # and it stays so when it is sent again
    world.put("web/2.json", web({"id": "e9", "user": "u1", "mobile": "139 1234 5670"}))
    world.run(day=NEXT)
    again = world.read("core.events").where("event_id = 'e9'").collect()[0]
    assert (again["ids"], again["props"], again["page"]) == ([], None, None)


def test_it_is_erased_although_the_files_that_came_are_refused(world: World) -> None:
    ask(world, PHONE, DAY)
    world.put("web/2.json", web({"id": "e9", "name": "debug"}))
    assert world.run(day=NEXT).outcome == "refused"
    assert PHONE not in kept(world, "identity.identifier")
