"""What goes wrong with identities in life: rules, clocks, merges that come and go."""

from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.identity.person_ids import assign_persons
from databank.identity.tables import ALIAS, CHANGES, PERSON
from databank.session import checkpoint, small_frame
from databank.tables.erasure import ERASED_PERSON
from tests.support.bank import DAY
from tests.unit.identity.world import World, group, pair

pytestmark = pytest.mark.nightly  # whole runs, two or three each

NEXT, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)
REASSIGNMENT = {
    "limits": {"phone": {"user_id": 1}},
    "reassignment": {"phone": {"silent_days": 9, "to": ["user_id"]}},
}


def ids(world: World) -> dict[str, int]:
    return {
        world.word(key): person for key, person in world.bank.rows(PERSON, "id_key", "person_id")
    }


def test_a_rule_that_blocks_everything_leaves_nobody_and_can_be_taken_back(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    world = World(spark_session, tmp_path, "u1 p1", "u2 c2 e2")
    world.resolve()
    every = [{"type": kind, "pattern": ".*"} for kind in ("user_id", "phone", "cookie", "email")]
    summary = world.resolve(NEXT, block=every).summary
    assert (summary["persons"], summary["identifiers excluded"]) == (0, 5)
    assert world.persons() == set()
    kinds = world.bank.rows(CHANGES, "kind", "person_id", where=f"day = date '{NEXT}'")
    assert [row for row in kinds if row[0] == "retired"] == [("retired", 1), ("retired", 2)]
    world.resolve(THIRD)
    assert world.persons() == group("u1 p1", "u2 c2 e2")
    # an id that was retired is nobody's for ever
    assert set(ids(world).values()) == {3, 4}


def test_what_is_merged_and_split_again_leaves_the_older_person_as_it_was(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    world = World(spark_session, tmp_path, "u1 p1", "u1 c1", "u2 p2")
    world.resolve()
    before = ids(world)
    world.come(NEXT, "u1 p2")
    world.resolve(NEXT)
    assert world.persons() == group("u1 p1 c1 u2 p2")
    assert world.bank.rows(ALIAS, "old_person_id", "person_id") == [(2, 1)]
    # the record was wrong
    world.resolve(THIRD, ignore_link=[pair("u1", "p2")])
    now = ids(world)
    assert {word: now[word] for word in ("u1", "p1", "c1")} == {
        w: before[w] for w in ("u1", "p1", "c1")
    }
    # whoever asks for the old id is led on, so it is not given again
    assert now["u2"] == now["p2"] == 3
    assert world.bank.rows(ALIAS, "old_person_id", "person_id") == [(2, 1)]


def test_a_chain_of_merges_leads_to_the_last_survivor_in_one_step(
    spark_session: SparkSession,
) -> None:
    count = 12
    previous = {key: count + 1 - key for key in range(count + 1)}  # the next one is always older
    aliases = small_frame(spark_session, [], "old_person_id bigint, person_id bigint")
    for merge in range(1, count + 1):
        whole = {key: 0 if key <= merge else key for key in range(count + 1)}
        assigned = assign_persons(
            small_frame(spark_session, whole.items(), "id_key bigint, component bigint"),
            small_frame(spark_session, previous.items(), "id_key bigint, person_id bigint"),
            aliases, run_id="r", day=DAY, next_id=count + 2,
        )  # fmt: skip
        survivor = count + 1 - merge
        previous = {key: survivor if key <= merge else person for key, person in previous.items()}
        aliases = checkpoint(assigned.alias)
    assert {tuple(row) for row in aliases.collect()} == {(old, 1) for old in range(2, count + 2)}


def test_a_source_whose_clock_is_hours_off_moves_nobody(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    old, new = DAY - timedelta(days=40), DAY - timedelta(days=5)
    # p1 goes from u1 to u2; the shop, whose clock is a day behind, sees both of them with it too
    seen = [(old, "u1 p1"), (old, "u1 c1"), (new, "u2 p1"), (DAY, "u2 p1"), (DAY, "u3 p3")]
    late = [(day - timedelta(days=1), record) for day, record in seen]
    worlds = [World(spark_session, tmp_path / name) for name in ("true", "skewed")]
    resolutions = []
    for world, records in zip(worlds, (seen, seen + late), strict=True):
        world.load(records)
        world.resolve(**REASSIGNMENT)
        rows = world.bank.rows(PERSON, "id_key", "person_id", "valid_from")
        resolutions.append([(world.word(key), person, since) for key, person, since in rows])
    persons = [{row[:2] for row in rows} for rows in resolutions]
    assert persons[0] == persons[1]
    # the day moves as far as the clock is wrong, and no further
    days = [{since for *_, since in rows if since} for rows in resolutions]
    assert days == [{new}, {new - timedelta(days=1)}]


@pytest.mark.parametrize("in_between", [True, False])
def test_an_erased_person_who_comes_again_is_somebody_new(
    spark_session: SparkSession, tmp_path: Path, in_between: bool
) -> None:
    others = [f"u{n} p{n} c{n}" for n in range(10, 30)]
    world = World(spark_session, tmp_path, "u1 p1", "u1 c1", "u2 p2", *others)
    world.resolve()
    before, erased = ids(world), ("u1", "p1", "c1")
    world.erase(NEXT, *erased, entire_person=True)
    if in_between:
        world.resolve(NEXT)
        assert ids(world) == {w: person for w, person in before.items() if w not in erased}
    world.come(THIRD, "u1 p1")
    world.resolve(THIRD)
    now = ids(world)
    assert now["u1"] == now["p1"] == max(before.values()) + 1
    assert "c1" not in now
    for word in before.keys() - {*erased}:
        assert now[word] == before[word]
    retired = world.bank.rows(CHANGES, "person_id", where="kind = 'retired'")
    assert retired == [(before["u1"],)]


def test_the_next_holder_of_a_number_is_not_taken_for_the_one_who_was_erased(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    old, new = DAY - timedelta(days=40), DAY - timedelta(days=5)
    world = World(spark_session, tmp_path)
    world.load([(old, "u1 p1"), (new, "u2 p1"), (old, "u3 c3"), (old, "u4 c4")])
    world.resolve(**REASSIGNMENT)
    first, second = ids(world)["u1"], ids(world)["u2"]
    # what is on record with u1 first of all is about nobody else
    world.erase(NEXT, "u1", entire_person=True)
    world.erase(new - timedelta(days=1), "p1", entire_person=True)
    world.resolve(NEXT, **REASSIGNMENT)
    now = ids(world)
    assert now["p1"] == now["u2"] == second
    assert "u1" not in now
    assert world.bank.rows(ERASED_PERSON, "person_id") == [(first,)]
    # who once had something erased and is set aside later is not forgotten
    world.erase(THIRD, "c3")
    world.resolve(THIRD, **REASSIGNMENT)
    last = THIRD + timedelta(days=1)
    world.resolve(last, **REASSIGNMENT, block=[{"type": "user_id", "value": "u3"}])
    assert "u3" not in ids(world)
    assert world.bank.rows(ERASED_PERSON, "person_id") == [(first,)]
