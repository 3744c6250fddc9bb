"""The job: evidence in, persons out, with rules made by hand and junk that is learned."""

from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.errors import DataBankError
from databank.identity.exclusions import cuts
from databank.identity.tables import ALIAS, CHANGES, PERSON
from databank.sources.tables import EVENTS, IDENTIFIER
from tests.support.bank import DAY
from tests.unit.identity.world import PEOPLE, World, group, pair


@pytest.fixture
def world(spark_session: SparkSession, tmp_path: Path) -> World:
    records = ["u1 p1", "u1 c1", "u2 p2", "u2 p2", "p2 c2", "u3 p1", "u4 c4", "p9 c9", "u5 c5"]
    return World(spark_session, tmp_path, *records, "u6 c6", "u6 c7")


def test_rules_made_by_hand_and_the_limits_of_a_person(world: World) -> None:
    world.resolve(
        persons={"user_id": 1},
        block=[{"type": "phone", "pattern": "p9"}, {"type": "cookie", "value": "c4"}],
        ignore_link=[pair("c2", "p2")],
        must_link=[pair("u4", "u5")],
        cannot_link=[pair("c6", "c7"), pair("u2", "u9")],
    )
    # u1 and u3 have p1 once each: the smaller key keeps it; u4 and u5 are one whatever the limit
    assert world.persons() == group(
        "u1 p1 c1", "u3", "u2 p2", "c2", "u4 u5 c5", "c9", "u6 c6", "c7"
    )
    assert world.rejected() == {
        ("p9", "", "block"),
        ("c4", "", "block"),
        ("c2", "p2", "manual"),
        ("p1", "u3", "person"),
        ("c7", "u6", "person"),
    }


def test_junk_is_learned_and_released_where_it_ties_one_person(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    # c0 is on everybody's record; u0 is one customer with many cookies
    records = [f"u{n} c0" for n in range(1, 7)] + [f"u{n} c{n}" for n in range(1, 7)]
    many = [f"u0 c{n}" for n in range(20, 26)]
    usual = [f"u{n} c{n}" for n in range(100, 700)]
    world = World(spark_session, tmp_path, *records, *many, *usual)
    world.resolve(hub_factor=2, persons={"user_id": 1, "any": 50})
    assert frozenset(["u0", *(f"c{n}" for n in range(20, 26))]) in world.persons()
    assert group("u1 c1", "u6 c6") <= world.persons()
    assert world.rejected() == {("c0", "", "hub")}


def test_changes_name_the_evidence_that_made_them(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    world = World(spark_session, tmp_path, "u1 p1", "u2 p2", "u3 p3", "u4 c4", "u5 p5", "u5 c5")
    world.resolve()
    second, third = DAY + timedelta(days=1), DAY + timedelta(days=2)
    # u2 is found to be u1 by p1; u3 and u4 by a cookie that is new to both
    world.come(second, "u2 p1", "u3 c9", "u4 c9")
    world.resolve(second)
    # each says what led out of the person that is gone: u3 is younger than u4 with its cookie
    assert world.changes(second) == {("merge", "u2", "p1"), ("merge", "u3", "c9")}
    world.resolve(
        third,
        ignore_link=[pair("u5", "p5")],
        block=[{"type": "cookie", "value": "c9"}],
        cannot_link=[],
    )
    assert world.changes(third) == {("split", "p5", "u5"), ("split", "c9", ""), ("shrink", "", "")}


def test_not_one_id_changes_however_the_evidence_is_read(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    records = [f"u{n} p{n % 7} c{n % 5}" for n in range(30)] + [f"p{n} c{n + 3}" for n in range(20)]
    records += [f"u50 c{n}" for n in range(50, 60)]
    # of six users three had p60 before a silence
    earlier = DAY - timedelta(days=40)
    seen = [*((DAY, record) for record in records), *((DAY, f"u{n} p60") for n in (60, 61, 62))]
    seen += [(earlier, f"u{n} p60") for n in (63, 64, 65)]
    rules = {
        "limits": {"cookie": {"user_id": 8}, "phone": {"user_id": 5}},
        "reassignment": {"phone": {"silent_days": 9, "to": ["user_id"]}},
        "persons": {"user_id": 3, "any": 12},
        "hub_factor": 3,
        "must_link": [pair("u1", "u9")],
        "cannot_link": [pair("u2", "u3")],
    }
    world = World(spark_session, tmp_path / "first")
    world.load(seen)
    world.resolve(**rules)
    assert len(world.bank.rows(PERSON, "person_id", where="valid_from IS NOT NULL")) == 1
    registry = (PERSON, ALIAS, CHANGES)
    before = [world.bank.rows(table, *(c.name for c in table.columns)) for table in registry]
    next_day = DAY + timedelta(days=1)
    world.resolve(next_day, **rules)
    # rows in another order and other files, everything made anew but the registry
    again = World(spark_session, tmp_path / "again")
    again.load(seen)
    mixed = {t: again.bank.read(t).orderBy(F.rand(7)) for t in (EVENTS, IDENTIFIER)}
    kept = {t: world.bank.read(t) for t in registry}
    again.bank.publish({**{t: rows.repartition(5) for t, rows in mixed.items()}, **kept})
    usual = spark_session.conf.get("spark.sql.shuffle.partitions")
    spark_session.conf.set("spark.sql.shuffle.partitions", "7")
    spark_session.conf.set("spark.sql.adaptive.enabled", "false")
    try:
        again.resolve(next_day, **rules)
    finally:
        spark_session.conf.set("spark.sql.shuffle.partitions", usual)
        spark_session.conf.set("spark.sql.adaptive.enabled", "true")
    for bank in (world.bank, again.bank):
        found = [bank.rows(table, *(c.name for c in table.columns)) for table in registry]
        assert found == before


def test_junk_that_met_other_junk_is_released_with_it(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    # one customer with many cookies, some seen with the user id, some with the phone
    records = ["u0 p0", *(f"u0 c{n}" for n in range(6)), *(f"p0 c{n}" for n in range(3, 9))]
    usual = [f"u{n} c{n} p{n}" for n in range(100, 400)]
    world = World(spark_session, tmp_path, *records, *usual)
    world.resolve(hub_factor=2, persons={"any": 50})
    assert frozenset(["u0", "p0", *(f"c{n}" for n in range(9))]) in world.persons()
    assert not world.rejected()


def test_what_is_told_by_hand_is_not_set_aside(spark_session: SparkSession, tmp_path: Path) -> None:
    world = World(spark_session, tmp_path, "u1 c1", "u2 c1", "u3 c3", "u4 c3")
    world.resolve(limits={"cookie": {"user_id": 1}}, must_link=[pair("c1", "u1")])
    assert world.persons() == group("u1 c1 u2", "u3", "u4")
    assert world.rejected() == {("c3", "", "limit")}


def test_likeness_links_and_breaks_no_limit(spark_session: SparkSession, tmp_path: Path) -> None:
    world = World(spark_session, tmp_path, "u1 c1", "u1 p1", "u2 c2", "u3 c3", "u4 p1", "e5")
    rules = {"limits": {"cookie": {"user_id": 1}}, "persons": {"user_id": 1}, "linkage": PEOPLE}
    # c1 knows two user ids now, of which it was seen with one; u2 and e5 are not likely enough
    world.link("u2 c1 0.99", "c3 p1 0.97", "e5 u3 0.96", "e5 u2 0.6")
    world.resolve(**rules)
    assert world.persons() == group("u1 c1 p1", "u2 c2", "u3 c3 e5", "u4")
    refused = {("c1", "u2", "person"), ("c3", "p1", "person"), ("p1", "u4", "person")}
    assert world.rejected() == refused
    # another day, and the profiles say something else
    world.link("u4 e5 0.96")
    world.resolve(DAY + timedelta(days=1), **rules)
    assert world.persons() == group("u1 c1 p1", "u2 c2", "u3 c3", "u4 e5")
    assert world.rejected() == {("p1", "u4", "person")}


def test_a_pattern_that_only_python_reads_is_refused(world: World) -> None:
    with pytest.raises(DataBankError, match="Java cannot read the pattern"):
        world.resolve(block=[{"type": "phone", "pattern": "(?P<all>p.*)"}])


def test_a_component_that_no_task_can_cut_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuts, "_LARGEST", 3)
    with pytest.raises(DataBankError, match="4 identifiers hang together"):
        world.resolve(persons={"user_id": 1})
