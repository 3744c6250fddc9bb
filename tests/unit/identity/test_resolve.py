"""The job: evidence in, persons out, with rules made by hand and hubs that are learned.

One bank has all situations, as families of identifiers that are never seen with each other's.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.identity.tables import ALIAS, CHANGES, PERSON
from databank.sources.tables import EVENTS, IDENTIFIER
from tests.support.bank import DAY
from tests.unit.identity.world import PEOPLE, World, group, pair

SECOND, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)
RECORDS = (
    # 1-9: rules by hand and limits of a person
    *("u1 p1", "u1 c1", "u2 p2", "u2 p2", "p2 c2", "u3 p1", "u4 c4", "p9 c9", "u5 c5"),
    *("u6 c6", "u6 c7"),
    # 21-24: two phones on a cookie, twice
    *("p21 c21", "p22 c21", "p23 c23", "p24 c23"),
    # 31-39: persons that change from day to day
    *("p31 e31", "p32 e32", "p33 e33", "p34 c34", "p35 e35", "p35 c35"),
    # 41-45: profiles that are alike
    *("u41 c41", "u41 p41", "u42 c42", "u43 c43", "u44 p41", "e45"),
    # 50-56: e50 is on everybody's record; u50 is one customer with many cookies
    *(f"u{n} e50" for n in range(51, 57)),
    *(f"u{n} c{n}" for n in range(51, 57)),
    *(f"u50 c{n}" for n in range(60, 68)),
    # 70-78: one customer with many cookies, some seen with the user id, some with the phone
    "u70 p70",
    *(f"u70 c{n}" for n in range(70, 76)),
    *(f"p70 c{n}" for n in range(73, 79)),
    # what is typical: three neighbours of a user id, one of all others
    *(f"u{n} p{n} c{n} e{n}" for n in range(100, 700)),
)
RULES: dict[str, Any] = {
    "limits": {"cookie": {"user_id": 1, "phone": 1}},
    "persons": {"user_id": 1, "any": 50},
    "hub_factor": 2,
    "linkage": PEOPLE,
    "must_link": [pair("u4", "u5"), pair("c21", "p21")],
    "cannot_link": [pair("c6", "c7"), pair("u2", "u9")],
}
IGNORED = pair("c2", "p2")
BLOCKED = [{"type": "phone", "pattern": "p9"}, {"type": "cookie", "value": "c4"}]


class Result(NamedTuple):
    """What a day gives."""

    persons: set[frozenset[str]]
    rejected: set[tuple[str, str, str]]
    changes: set[tuple[str, str, str]]

    def rejected_of(self, *words: str) -> set[tuple[str, str, str]]:
        """What is rejected of some identifiers."""
        return {row for row in self.rejected if {*row[:2]} & {*words}}


@pytest.fixture(scope="module")
def results(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """Three days of one bank."""
    world = World(spark_session, tmp_path_factory.mktemp("resolve"), *RECORDS)
    days = []

    def resolve(day: Any, **rules: Any) -> None:
        world.resolve(day, **RULES, **rules)
        days.append(Result(world.persons(), world.rejected(), world.changes(day)))

    # c41 knows two user ids then, of which it was seen with one; u42 and e45 are not likely enough
    world.link("u42 c41 0.99", "c43 p41 0.97", "e45 u43 0.96", "e45 u42 0.6")
    resolve(DAY, block=BLOCKED, ignore_link=[IGNORED])
    # p32 turns out to be p31 by e31; p33 and p34 by an address that is new to both
    world.come(SECOND, "p32 e31", "p33 e39", "p34 e39")
    # and the profiles say something else
    world.link("u44 e45 0.96")
    resolve(SECOND, block=BLOCKED, ignore_link=[IGNORED])
    block = [*BLOCKED, {"type": "email", "value": "e39"}]
    resolve(THIRD, block=block, ignore_link=[IGNORED, pair("p35", "e35")])
    return days


def test_manual_rules_and_the_limits_of_a_person(results: list[Result]) -> None:
    # u1 and u3 have p1 once each: the smaller key keeps it; u4 and u5 are one whatever the limit
    persons = group("u1 p1 c1", "u3", "u2 p2", "c2", "u4 u5 c5", "c9", "u6 c6", "c7")
    assert persons <= results[0].persons
    assert results[0].rejected_of("p1", "u3", "c2", "p2", "u4", "u5", "c4", "c9", "p9", "c7") == {
        ("p9", "", "block"),
        ("c4", "", "block"),
        ("c2", "p2", "manual"),
        ("p1", "u3", "person"),
        ("c7", "u6", "person"),
    }


def test_what_must_link_is_not_excluded(results: list[Result]) -> None:
    assert group("p21 c21 p22", "p23", "p24") <= results[0].persons
    assert results[0].rejected_of("p21", "c21", "p22", "p23", "c23", "p24") == {
        ("c23", "", "limit")
    }


def test_a_hub_is_learned_and_released_where_it_ties_one_person(results: list[Result]) -> None:
    whole = frozenset(["u50", *(f"c{n}" for n in range(60, 68))])
    assert {whole, *group("u51 c51", "u56 c56")} <= results[0].persons
    assert results[0].rejected_of("e50", "u50", "u51") == {("e50", "", "hub")}


def test_a_hub_that_was_seen_with_another_is_released_with_it(results: list[Result]) -> None:
    assert frozenset(["u70", "p70", *(f"c{n}" for n in range(70, 79))]) in results[0].persons
    assert not results[0].rejected_of("u70", "p70", *(f"c{n}" for n in range(70, 79)))


def test_a_likely_pair_links_and_breaks_no_limit(results: list[Result]) -> None:
    words = ("u41", "c41", "p41", "u42", "c42", "u43", "c43", "u44", "e45")
    assert group("u41 c41 p41", "u42 c42", "u43 c43 e45", "u44") <= results[0].persons
    assert results[0].rejected_of(*words) == {
        ("c41", "u42", "person"),
        ("c43", "p41", "person"),
        ("p41", "u44", "person"),
    }
    assert group("u41 c41 p41", "u42 c42", "u43 c43", "u44 e45") <= results[1].persons
    assert results[1].rejected_of(*words) == {("p41", "u44", "person")}


def test_nothing_else_is_rejected(results: list[Result]) -> None:
    # all that is named above
    assert len(results[0].rejected) == 5 + 1 + 1 + 3


def test_changes_name_the_evidence_that_made_them(results: list[Result]) -> None:
    # each says what led out of the person that is gone: p33 is younger than p34 with its cookie
    merges = {("merge", "p32", "e31"), ("merge", "p33", "e39")}
    assert {row for row in results[1].changes if row[0] == "merge"} == merges
    split = {("split", "e35", "p35"), ("split", "e39", ""), ("shrink", "", "")}
    assert results[2].changes == split


@pytest.mark.nightly
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
    world.resolve(SECOND, **rules)
    # rows in another order and other files, everything rebuilt but the registry
    again = World(spark_session, tmp_path / "again")
    again.load(seen)
    mixed = {t: again.bank.read(t).orderBy(F.rand(7)) for t in (EVENTS, IDENTIFIER)}
    kept = {t: world.bank.read(t) for t in registry}
    again.bank.publish({**{t: rows.repartition(5) for t, rows in mixed.items()}, **kept})
    usual = spark_session.conf.get("spark.sql.shuffle.partitions")
    spark_session.conf.set("spark.sql.shuffle.partitions", "7")
    try:
        again.resolve(SECOND, **rules)
    finally:
        spark_session.conf.set("spark.sql.shuffle.partitions", usual)
    for bank in (world.bank, again.bank):
        rows = [bank.rows(table, *(c.name for c in table.columns)) for table in registry]
        assert rows == before
