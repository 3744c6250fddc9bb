"""Identifiers that leave the bank: what is left of their records, and what comes again."""

import hmac
import json
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import Row, SparkSession

from databank.runs import Outcome
from tests.unit.sources.world import ADS, CRM, DAY, POS, WEB, World

# families that share no identifier: PHONE and u1; PLAIN; SHARED and u2; PARTNER and u3; LATE; CARD
PHONE, PLAIN, SHARED, PARTNER, LATE, CARD = (f"+861391234567{n}" for n in range(6))
NEXT = DAY + timedelta(days=1)


def web(*records: dict[str, Any]) -> str:
    given = {"ts": "2026-01-30T10:00:00Z", "name": "view", "url": "/a", "tab": 3}
    return "".join(json.dumps({**given, **record}) + "\n" for record in records)


def column(world: World, table: str, name: str = "id_value") -> set[str]:
    return {row[0] for row in world.rows(table, name)}


def event(world: World, event_id: str) -> Row:
    [row] = world.read("core.events").where(f"event_id = '{event_id}'").collect()
    return row


@pytest.fixture(scope="module")
def loaded(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("bank")
    made = World(spark_session, root, (WEB, POS, ADS, CRM), memory=True)
    made.put(
        "web/1.json",
        web(
            {"id": "e1", "user": "u1", "mobile": "139 1234 5670", "price": "2.50", "quantity": 2},
            {"id": "e2", "mobile": "139-1234-5670", "price": "4.00", "quantity": 1},
            {"id": "e3", "mobile": "139 1234 5671"},
            {"id": "e4", "mobile": "139 1234 5670", "ts": "yesterday"},
            {"id": "old", "mobile": "139 1234 5672", "ts": "2026-01-02 10:00"},
            {"id": "new1", "user": "u2", "mobile": "139 1234 5672"},
            {"id": "new2", "mobile": "139 1234 5672"},
            {"id": "p1", "user": "u3", "mobile": "139 1234 5673"},
            {"id": "p2", "mobile": "139 1234 5673"},
            {"id": "l1", "mobile": "139 1234 5674"},
            {"id": "c1", "mobile": "139 1234 5675"},
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
    pq.write_table(pa.Table.from_pylist(rows), root / "in/ads/1.parquet")
    made.run()
    made.request(PHONE, "a")
    made.request(SHARED, since=date(2026, 1, 20))
    made.request("u3", entire_person=True)
    return made


@pytest.fixture(scope="module")
def crashed(loaded: World) -> set[str]:
    """The identifiers that are there after a run that died in the middle of the erasure."""

    def fail(at: str) -> None:
        if at == "after:core.events":
            raise RuntimeError(at)

    loaded.fault = fail
    with pytest.raises(RuntimeError):
        loaded.run(day=NEXT)
    loaded.fault = None
    return column(loaded, "identity.identifier")


@pytest.fixture(scope="module")
def erased(loaded: World, crashed: set[str]) -> tuple[World, Outcome]:
    """The run after the crash, which completes all requests, and its world."""
    return loaded, loaded.run(day=NEXT)


@pytest.fixture(scope="module")
def again(erased: tuple[World, Outcome]) -> tuple[World, Outcome]:
    """The run after that: old and new records of erased identifiers, columns of today."""
    world, _ = erased
    world.request(CARD)
    world.sources = (WEB, POS, ADS, {**CRM, "columns": {**CRM["columns"], "title": "title"}})
    world.put(
        "web/2.json",
        web(
            {"id": "e9", "user": "u1", "mobile": "139 1234 5670"},
            {"id": "p9", "user": "u3", "mobile": "139 1234 5673"},
            {"id": "c9", "mobile": "139 1234 5675", "ts": f"{NEXT} 10:00:00"},
        ),
    )
    return world, world.run(day=NEXT)


def test_a_crash_in_the_middle_leaves_the_erasure_to_the_next_run(
    crashed: set[str], erased: tuple[World, Outcome]
) -> None:
    world, outcome = erased
    assert PHONE in crashed
    assert outcome.summary["identifiers erased"] == 4
    # nobody who tries all phone numbers finds them: what is kept is hashed with the secret
    secret = (world.root / "_secret" / "erasure").read_text().strip().encode()
    names = f"('phone', '', '{PHONE}'), ('wechat_openid', 'x', 'a'), ('phone', '', '{SHARED}'), "
    keys = world.spark.sql(f"SELECT xxhash64(*) AS k FROM VALUES {names} ('user_id', '', 'u3')")
    hashes = {
        hmac.new(secret, str(row["k"]).encode(), "sha256").hexdigest() for row in keys.collect()
    }
    kept = column(world, "identity.erased_identifier", "digest")
    assert {digest.partition(":")[2] for digest in kept} == {each[:32] for each in hashes}
    assert column(world, "identity.erasure_request", "digest") == kept


def test_one_identifier_leaves_all_records_and_the_rest_stays(
    erased: tuple[World, Outcome],
) -> None:
    world, _ = erased
    known = column(world, "identity.identifier")
    assert {PHONE, "a"}.isdisjoint(known)
    assert {PLAIN, "u1", "b"} <= known
    events = {id_: event(world, id_) for id_ in ("e1", "e2", "e3")}
    assert len(events["e1"]["ids"]) == 1
    assert events["e1"]["id_key"] == events["e1"]["ids"][0]
    assert events["e1"]["props"] == {"tab": "3", "price": "2.50"}
    # no identifier is left, and the money is still there
    assert (events["e2"]["ids"], events["e2"]["id_key"], events["e2"]["props"]) == ([], None, None)
    assert [events[e]["amount"] for e in ("e1", "e2")] == [5, 4]
    assert len(events["e3"]["ids"]) == 1
    assert column(world, "core.profiles", "record_id") == {"2"}
    texts = column(world, "raw.record", "value") | column(world, "ops.quarantine", "raw")
    assert len(texts) == 9  # two headers, e3, Bo, the click of b; old, p2, l1 and c1
    assert not [text for text in texts if "5670" in text.replace(" ", "").replace("-", "")]
    assert not [text for text in texts if '"openid":"a"' in text]


def test_another_holder_of_an_identifier_keeps_it(erased: tuple[World, Outcome]) -> None:
    world, _ = erased
    assert SHARED in column(world, "identity.identifier")
    sizes = [len(event(world, id_)["ids"]) for id_ in ("old", "new1", "new2")]
    assert sizes == [1, 1, 0]
    assert [text for text in column(world, "raw.record", "value") if '"old"' in text]


def test_a_record_of_an_erased_person_keeps_no_other_identifier(
    again: tuple[World, Outcome],
) -> None:
    world, _ = again
    # the number that it names as well may be another person's, who would get what is left
    # and it stays so when the record is sent again
    for event_id in ("p1", "p9"):
        row = event(world, event_id)
        assert (row["ids"], row["props"], row["page"]) == ([], None, None)
    assert len(event(world, "p2")["ids"]) == 1


def test_old_records_do_not_bring_it_back_and_new_ones_do(again: tuple[World, Outcome]) -> None:
    world, outcome = again
    assert outcome.summary["warning web.erased_identifier"] == 2  # e9 and p9
    known = column(world, "identity.identifier")
    assert PLAIN in known
    assert PHONE not in known
    assert len(event(world, "e9")["ids"]) == 1
    texts = column(world, "raw.record", "value")
    assert not [text for text in texts if "e9" in text]
    # a record of a day after the period is a new one
    assert CARD in known
    assert [text for text in texts if "c9" in text]


def test_a_file_whose_columns_are_other_ones_now_is_named(again: tuple[World, Outcome]) -> None:
    _, outcome = again
    assert outcome.summary["identifiers erased"] == 1
    assert str(outcome.summary["warning: not searched"]).startswith("in/crm/1.csv; ")


@pytest.mark.slow
def test_it_is_erased_once_and_although_the_files_that_came_are_refused(
    again: tuple[World, Outcome],
) -> None:
    world, _ = again
    world.sources = (WEB, POS, ADS, CRM)
    assert world.run(day=NEXT).summary == {"new files": 0}
    world.request(LATE)
    world.put("web/4.json", web({"id": "e11", "name": "debug"}))
    assert world.run(day=NEXT).outcome == "refused"
    assert LATE not in column(world, "identity.identifier")
