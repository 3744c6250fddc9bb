"""The ingest job on small files: what reaches which table, and what never does."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from databank.errors import DataBankError, GateRefusedError
from tests.unit.sources.world import ADS, CRM, ITEMS, POS, WEB, World


def _line(**fields: Any) -> str:
    base = {"id": "e1", "ts": "2026-01-30T10:00:00Z", "name": "view", "url": "/a"}
    merged = {**base, **fields}
    return json.dumps({key: value for key, value in merged.items() if value is not None}) + "\n"


@pytest.fixture(scope="module")
def loaded(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    """One load of all kinds of sources, with all kinds of faults."""
    root = tmp_path_factory.mktemp("bank")
    world = World(spark_session, root, (WEB, POS, ADS, CRM, ITEMS), timezone="Asia/Shanghai")
    web = [
        _line(price="2.50", quantity=2, cookie="AB", user="u1", mobile="139 1234 5670", tab=3),
        _line(),  # the same id again
        _line(id="late", ts="2026-01-20T17:00:00Z", user="unknown", deep={"a": [1, 2]}),
        _line(id="no-page", ts="2026-01-30 08:00:00.250", url=None, cookie="ab"),
        _line(id="bad-time", ts="yesterday"),
        _line(id="bad-amount", price="abc", quantity=1),
        _line(id="future", ts="2026-01-31T16:00:00Z"),
        _line(id="past", ts="1999-01-01T00:00:00Z"),
        _line(id="no-name", name=None),
        _line(id="rule", name="nonsense"),
        _line(id="today", ts="2026-01-31T15:59:59+00:00"),
        '{"id": "cut", "ts": "2026-01\n',
    ]
    world.put("web/1.json.gz", "".join(web))
    world.put("web/2.json", _line(id="e2") + "\n" + _line(id="e1", ts="2026-01-30T09:00:00Z"))
    world.put("web/3.json", _line(id="latin").encode()[:-3] + b'\xef"}\n')
    world.put("web/4.json", "")
    packed = gzip.compress("".join(_line(id=f"cut{i}", x=i * 7919) for i in range(3000)).encode())
    (root / "in/web/5.json.gz").write_bytes(packed[: len(packed) // 2])
    pos = "sold,amount,mobile,store\n"
    line = '2026-01-30 01:00:00,"1,5",13912345670,north\n2026-01-30 01:00:00,7,,"a ""b"""\n'
    world.put("pos/1.csv", pos + line + '2026-01-30 01:00:00,7,,"a ""b"""\n1,2\n')
    world.put("pos/2.csv", "store,extra,amount,sold,mobile\nsouth,x,3,2026-01-30 23:30:00,\n")
    world.put("pos/3.csv", "sold,amount\n2026-01-30 01:00:00,1\n")
    ads = {"at": [1769767200000, 1769767200000], "kind": ["show", "show"],
           "openid": ["oX", "oY"], "app": ["wx1", None]}  # fmt: skip
    table = pa.table({**ads, "at": pa.array(ads["at"], pa.timestamp("ms", "UTC"))})
    (root / "in/ads").mkdir()
    pq.write_table(table, root / "in/ads/ads +1 %.parquet")
    # the same columns with other types, and one more
    with_x = {
        "at": ["2026-01-30 06:40:00"],
        "kind": [7],
        "openid": ["oX"],
        "app": ["wx1"],
        "x": [1],
    }
    pq.write_table(pa.table(with_x), root / "in/ads/other.parquet")
    crm = "no,changed,mobile,name\n"
    first = "c1,2026-01-01 00:00:00,13912345670,Old\nc1,2026-01-09 00:00:00,13912345670,New\n"
    world.put("crm/1.csv", crm + first + "c2,2026-01-02 00:00:00,,Bo\n")
    world.put("stock/1.csv", "sku,name\ns1,Lamp\n")
    assert world.run().error is None
    return world


def test_a_row_becomes_an_event_with_its_other_fields_in_props(loaded: World) -> None:
    columns = ("event_id", "cast(day as string)", "event", "terminal", "page", "props")
    events = loaded.read("core.events").selectExpr(*columns)
    rows = {row[0]: tuple(row) for row in events.collect()}
    assert rows["late"][1:5] == ("2026-01-21", "view", "web", "/a")
    assert rows["late"][5] == {"deep": '{"a":[1,2]}'}
    assert rows["no-page"][1] == "2026-01-30"


def test_an_event_sent_twice_is_kept_once_by_its_earliest_time(loaded: World) -> None:
    rows = (
        loaded.read("core.events").where("event_id = 'e1'").selectExpr("cast(event_ts as string)")
    )
    assert [row[0] for row in rows.collect()] == ["2026-01-30 09:00:00"]


def test_each_fault_is_quarantined_with_its_reason(loaded: World) -> None:
    rows = loaded.read("ops.quarantine").where("source = 'web'")
    reasons = {row["reason"]: (row["file"], row["line"]) for row in rows.collect()}
    assert reasons['event_ts: cannot read "yesterday" as timestamp'] == ("in/web/1.json.gz", 5)
    amount = 'amount: cannot read "abc" in cast(price as decimal(18,2)) as decimal'
    assert reasons[amount] == ("in/web/1.json.gz", 6)
    assert reasons["event is missing"] == ("in/web/1.json.gz", 9)
    assert reasons["does not hold: event <> 'nonsense'"] == ("in/web/1.json.gz", 10)
    assert reasons["not JSON"] == ("in/web/1.json.gz", 12)
    assert any(reason.startswith("not UTF-8") for reason in reasons)
    assert any("is after the run day 2026-01-31; the run of its day" in each for each in reasons)
    assert any(reason.endswith("is before `earliest`, 2000-01-01") for reason in reasons)
    raw = rows.where("rule = 'unreadable_event_ts'").select("raw").collect()
    assert json.loads(raw[0][0])["id"] == "bad-time"


def test_a_truncated_file_is_reported_and_none_of_its_rows_is_loaded(loaded: World) -> None:
    status = {row[0]: row[1:] for row in loaded.rows("raw.file", "file", "status", "rows")}
    assert status["in/web/5.json.gz"][0] == "truncated"
    assert status["in/web/4.json"] == ("ok", 0)
    assert status["in/web/1.json.gz"] == ("ok", 12)
    assert status["in/pos/1.csv"] == ("ok", 4)
    assert loaded.read("core.events").where("event_id like 'cut%'").count() == 0


def test_csv_columns_are_found_by_the_header_of_each_file(loaded: World) -> None:
    events = loaded.read("core.events").where("source = 'pos'")
    columns = ("cast(event_ts as string)", "cast(amount as double)", "props")
    rows = sorted((tuple(row) for row in events.selectExpr(*columns).collect()), key=str)
    quoted = ("2026-01-29 17:00:00", 7.0, {"store": 'a "b"', "shop": 'A "B"'})
    south = ("2026-01-30 15:30:00", 3.0, {"store": "south", "extra": "x", "shop": "SOUTH"})
    # a repeated line is a fact where the id is a hash of the position
    assert rows == [quoted, quoted, south]


def test_a_csv_file_without_a_declared_column_is_refused_and_the_others_go_on(
    loaded: World,
) -> None:
    rows = loaded.read("ops.quarantine").where("source = 'pos'")
    refusals = {(row["file"], row["rule"], row["reason"]) for row in rows.collect()}
    assert ("in/pos/3.csv", "file", "columns missing: mobile, store") in refusals
    assert ("in/pos/1.csv", "format", "not as many fields as there are columns (4)") in refusals
    assert ("in/pos/1.csv", "unreadable_amount", 'amount: cannot read "1,5" as decimal') in refusals


def test_identifiers_are_normalised_ordered_by_strength_and_written_once(loaded: World) -> None:
    keys = {
        (row[0], row[1], row[2]): row[3]
        for row in loaded.rows("identity.identifier", "id_type", "scope", "id_value", "id_key")
    }
    assert set(keys) == {
        ("user_id", "", "u1"),
        ("cookie", "", "ab"),
        ("phone", "", "+8613912345670"),
        ("wechat_openid", "wx1", "oX"),
    }
    cookie = keys["cookie", "", "ab"]
    rows = loaded.read("core.events").where("event_id = 'no-page'").select("id_key", "ids")
    assert [tuple(row) for row in rows.collect()] == [(cookie, [cookie])]


def test_a_placeholder_costs_the_identifier_and_not_the_row(loaded: World) -> None:
    rows = loaded.read("core.events").where("event_id = 'late'").select("id_key", "ids")
    assert [tuple(row) for row in rows.collect()] == [(None, [])]
    refused = [row for row in loaded.metrics() if row["name"] == "identifiers_refused"]
    assert {(r["labels"]["id_type"], r["labels"]["reason"], r["value"]) for r in refused} == {
        ("user_id", "placeholder", 1.0),
        ("wechat_openid", "no scope", 1.0),
    }
    refusals = loaded.rows("identity.refused", "id_type", "why", "n")
    assert set(refusals) == {("user_id", "placeholder", 1), ("wechat_openid", "no scope", 1)}


def test_the_newest_profile_and_all_items_are_there(loaded: World) -> None:
    profiles = loaded.rows("core.profiles", "record_id", "attributes")
    assert profiles == [("c1", {"name": "New"}), ("c2", {"name": "Bo"})]
    assert loaded.rows("core.items", "item_id", "attributes") == [("s1", {"name": "Lamp"})]


def test_figures_add_up_for_every_source(loaded: World) -> None:
    figures: dict[str, dict[str, float]] = {}
    for row in loaded.metrics():
        of_source = figures.setdefault(row["labels"]["source"], {})
        of_source[row["name"]] = of_source.get(row["name"], 0) + row["value"]
    for of_source in figures.values():
        taken = (
            of_source["rows_loaded"]
            + of_source["rows_repeated"]
            + of_source.get("rows_quarantined", 0)
        )
        assert taken == of_source["rows_read"]
    assert figures["web"]["rows_warned"] == 1
    assert figures["web"]["rows_late"] == 0  # a first load has nothing to be late for


def test_files_of_parquet_keep_their_names(loaded: World) -> None:
    files = loaded.rows("raw.record", "source", "file")
    assert ("ads", "in/ads/ads +1 %.parquet") in files


def test_files_of_parquet_may_differ_in_types_and_columns(loaded: World) -> None:
    columns = ("event", "cast(event_ts as string)", "props['x']", "size(ids)")
    rows = loaded.read("core.events").where("source = 'ads'").selectExpr(*columns).collect()
    assert sorted(tuple(row) for row in rows) == [
        ("7", "2026-01-30 06:40:00", "1", 1),
        ("show", "2026-01-30 10:00:00", None, 0),
        ("show", "2026-01-30 10:00:00", None, 1),
    ]


def test_a_second_run_loads_nothing_and_commits_nothing(loaded: World) -> None:
    before = loaded.versions()
    outcome = loaded.run()
    assert outcome.outcome == "unchanged"
    assert loaded.versions() == before


@pytest.mark.slow
def test_a_file_is_known_by_its_name_and_a_changed_one_is_reported(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    world = World(spark_session, tmp_path, (WEB,))
    world.put("web/1.json", _line())
    world.run()
    world.put("web/1.json", _line() + _line(id="e2"))
    warned = world.run()
    assert "in/web/1.json; give them new names" in str(warned.summary["warning"])
    # known ids that come again in another file are no new events
    world.put("web/2.json", _line() + _line(id="e2"))
    assert world.run().summary["late"] == 2  # of a day before the one that was loaded
    assert world.rows("core.events", "event_id") == [("e1",), ("e2",)]


@pytest.mark.slow
def test_a_rule_that_stops_refuses_the_load_and_a_crash_leaves_no_trace(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    world = World(spark_session, tmp_path, (WEB,))
    world.put("web/1.json", _line(cookie="ab"))
    world.put("web/2.json", _line(id="d", name="debug"))
    refused = world.run()
    assert isinstance(refused.error, GateRefusedError)
    assert "source web: rule no_debug is broken by 1 rows" in str(refused.error)
    (tmp_path / "in/web/2.json").unlink()

    def crash(point: str) -> None:
        if point == "after:core.events":
            raise DataBankError("power cut")

    world.fault = crash
    assert str(world.run().error) == "power cut"
    world.fault = None
    assert world.run().error is None
    assert world.rows("core.events", "event_id") == [("e1",)]
    assert world.rows("raw.record", "line") == [(1,)]
    assert len(world.rows("identity.identifier", "id_value")) == 1


def test_a_source_without_any_file_is_an_error_of_the_operator(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    outcome = World(spark_session, tmp_path, (WEB,)).run()
    assert "source web: no file matches path 'in/web/*'" in str(outcome.error)


def test_a_file_with_nothing_but_a_header_is_done_and_the_nodes_name_the_sources(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    world = World(spark_session, tmp_path, (WEB, CRM))
    world.put("crm/1.csv", "no,changed,mobile,name\n")
    assert world.run(nodes=("crm",)).error is None
    assert world.rows("raw.file", "status", "rows") == [("ok", 0)]
    assert world.rows("core.profiles", "record_id") == []
