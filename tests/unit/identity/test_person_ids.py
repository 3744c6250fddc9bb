"""Person ids stay what they were."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession

from databank.errors import DataBankError
from databank.identity import Assignment, assign_persons
from databank.identity.person_ids import next_person_id
from databank.session import small_frame
from tests.support.frames import frame

DAY = date(2026, 1, 31)
COMPONENTS = "id_key bigint, component bigint"
PERSON = "id_key bigint, person_id bigint"
ALIAS = "old_person_id bigint, person_id bigint"

Pairs = dict[int, int]
Moves = set[tuple[str, int, int | None]]


def assign(
    spark: SparkSession,
    components: Pairs,
    previous: Pairs | None = None,
    aliases: Pairs | None = None,
    *,
    next_id: int = 1,
    partitions: int = 2,
) -> tuple[Pairs, Pairs, Moves]:
    def of(pairs: Pairs | None, schema: str) -> DataFrame:
        return small_frame(spark, (pairs or {}).items(), schema).repartition(partitions)

    result = assign_persons(
        of(components, COMPONENTS),
        of(previous, PERSON),
        of(aliases, ALIAS),
        run_id="r1",
        day=DAY,
        next_id=next_id,
    )
    names = pairs(result.names.collect())
    persons, alias, moves = read(result)
    assert {key: names[component] for key, component in components.items()} == persons
    assert len(set(names.values())) == len(names) == len(set(components.values()))
    return persons, alias, moves


def read(result: Assignment) -> tuple[Pairs, Pairs, Moves]:
    changes = result.changes.collect()
    assert all(row["cause"] and row["run_id"] == "r1" and row["day"] == DAY for row in changes)
    moves = [(row["kind"], row["person_id"], row["other_person_id"]) for row in changes]
    assert len(moves) == len(set(moves))
    return pairs(result.person.collect()), pairs(result.alias.collect()), set(moves)


def pairs(rows: Iterable[tuple[int, int]]) -> Pairs:
    listed = [tuple(row) for row in rows]
    assert len(dict(listed)) == len(listed)
    return dict(listed)


@dataclass
class Oracle:
    """The rules in plain Python."""

    person: Pairs
    alias: Pairs
    next_id: int

    def assign(self, components: Pairs) -> Moves:
        members: dict[int, set[int]] = defaultdict(set)
        for key, component in components.items():
            members[component].add(key)
        claims: dict[int, int] = {}
        for old in set(self.person.values()):
            held = {key for key, person in self.person.items() if person == old}
            parts = [
                (-len(held & keys), min(held & keys), c)
                for c, keys in members.items()
                if held & keys
            ]
            if parts:
                claims[old] = min(parts)[2]
        moves: Moves = {("retired", p, None) for p in set(self.person.values()) - set(claims)}
        names: Pairs = {}
        for component in sorted(members, key=lambda c: min(members[c])):
            claimants = [old for old, claimed in claims.items() if claimed == component]
            if not claimants:
                names[component] = self.next_id
                self.next_id += 1
            else:
                names[component] = min(claimants)
            olds = {self.person[key] for key in members[component] if key in self.person}
            name = names[component]
            moves |= {("merge", name, old) for old in claimants if old != name}
            moves |= {("split", name, old) for old in olds - set(claimants)}
            moves |= {("new", name, None)} if not olds else set()
        onward = {old: new for kind, new, old in moves if kind == "merge" and old is not None}
        self.alias = {old: onward.get(now, now) for old, now in self.alias.items()} | onward
        self.person = {key: names[component] for key, component in components.items()}
        return moves


def test_new_persons_are_numbered_by_their_smallest_identifier(
    spark_session: SparkSession,
) -> None:
    lowest, highest = -(2**63), 2**63 - 1
    components = {highest: 7, 5: 5, 6: 5, lowest: 9, 3: 9, -4: -4, 4: 7}
    person, alias, moves = assign(spark_session, components, next_id=40)
    assert person == {lowest: 40, 3: 40, -4: 41, 4: 42, highest: 42, 5: 43, 6: 43}
    assert alias == {}
    assert moves == {("new", number, None) for number in (40, 41, 42, 43)}


@pytest.fixture(scope="module")
def cases(spark_session: SparkSession) -> tuple[Pairs, Pairs, Moves]:
    """Small cases side by side, on identifiers and persons of their own."""
    components = {
        # a merge: person 3 went into 2 before; 2 now meets 1, and has more identifiers
        **{10: 10, 11: 10, 12: 10},
        # a split: 20 leaves 21 and 22
        **{20: 20, 21: 21, 22: 21},
        # a tie: labels are in the other order, and strangers joined the second part
        **{30: 99, 33: 99, 31: 5, 32: 5, 77: 5, 78: 5},
        # 40 is gone and was all of person 6; 41 is gone and was part of 7
        **{42: 42, 50: 50},
    }
    previous = {10: 1, 11: 2, 12: 2, **dict.fromkeys((20, 21, 22), 4)}
    previous |= {**dict.fromkeys((30, 31, 32, 33), 5), 40: 6, 41: 7, 42: 7}
    return assign(spark_session, components, previous, {3: 2}, next_id=8)


def test_the_oldest_person_survives_a_merge(cases: tuple[Pairs, Pairs, Moves]) -> None:
    person, _, moves = cases
    assert [person[key] for key in (10, 11, 12)] == [1, 1, 1]
    assert {move for move in moves if move[0] == "merge"} == {("merge", 1, 2)}


def test_aliases_lead_straight_to_the_survivor(cases: tuple[Pairs, Pairs, Moves]) -> None:
    assert cases[1] == {2: 1, 3: 1}


def test_the_larger_part_keeps_the_id_on_a_split(cases: tuple[Pairs, Pairs, Moves]) -> None:
    person, _, moves = cases
    assert [person[key] for key in (20, 21, 22)] == [8, 4, 4]
    assert ("split", 8, 4) in moves


def test_on_a_tie_the_part_with_the_smallest_identifier_keeps_the_id(
    cases: tuple[Pairs, Pairs, Moves],
) -> None:
    person, _, moves = cases
    assert [person[key] for key in (30, 33, 31, 32, 77, 78)] == [5, 5, 9, 9, 9, 9]
    assert ("split", 9, 5) in moves


def test_only_a_person_without_any_identifier_left_is_retired(
    cases: tuple[Pairs, Pairs, Moves],
) -> None:
    person, _, moves = cases
    assert (person[42], person[50]) == (7, 10)
    assert {move for move in moves if move[0] in {"retired", "new"}} == {
        ("retired", 6, None),
        ("new", 10, None),
    }


def test_random_histories_follow_the_rules(spark_session: SparkSession) -> None:
    # 60 histories side by side: each has identifiers of its own, so one run does them all
    rng = random.Random(8)
    keys = [rng.randrange(-(2**63), 2**63) for _ in range(60 * 25)]
    oracle = Oracle({}, {}, 1)
    ever: set[int] = set()
    for partitions in (1, 3, 2):
        components = {}
        for history in range(60):
            own = keys[history * 25 : history * 25 + 25]
            groups = rng.randint(1, 12)
            for key in rng.sample(own, rng.randint(0, 25)):
                components[key] = history * 100 + rng.randrange(groups)
        before = Oracle(dict(oracle.person), dict(oracle.alias), oracle.next_id)
        moves = oracle.assign(components)
        got = assign(
            spark_session,
            components,
            before.person,
            before.alias,
            next_id=before.next_id,
            partitions=partitions,
        )
        assert got == (oracle.person, oracle.alias, moves)
        given = set(oracle.person.values()) - set(before.person.values())
        assert sorted(given) == list(range(before.next_id, oracle.next_id))
        assert not given & ever
        ever |= given
        assert not set(oracle.alias) & set(oracle.alias.values())
    assert {kind for kind, _, _ in moves} == {"new", "merge", "split", "retired"}
    assert max(Counter(kind for kind, _, _ in moves).values()) > 20


def test_unchanged_data_under_other_component_numbers_changes_nothing(
    spark_session: SparkSession,
) -> None:
    rng = random.Random(3)
    groups = {rng.randrange(2**62): rng.randrange(300) for _ in range(2000)}
    person, alias, _ = assign(spark_session, groups)
    renamed = dict(sorted(((key, 10_000 - group) for key, group in groups.items()), reverse=True))
    again = assign(spark_session, renamed, person, alias, next_id=301, partitions=5)
    assert again == (person, alias, set())


def test_the_next_id_is_above_every_id_ever_given(spark_session: SparkSession) -> None:
    person = frame(spark_session, PERSON, "10 | 4\n 11 | 2")
    alias = frame(spark_session, ALIAS, "9 | 4")
    assert next_person_id(person, alias) == 10
    assert next_person_id(person.limit(0), alias.limit(0)) == 1


def test_ids_stay_below_two_to_the_32(spark_session: SparkSession) -> None:
    with pytest.raises(DataBankError, match="next_id"):
        assign(spark_session, {1: 1}, next_id=2**32)
    with pytest.raises(Exception, match="run out"):
        assign(spark_session, {1: 1, 2: 2}, next_id=2**32 - 1)
