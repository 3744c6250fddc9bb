"""Households and accounts: components of who shares an address, numbers that stay."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from pydantic import ValidationError
from pyspark.sql import SparkSession, functions as F

from databank.errors import DataBankError
from databank.identity.config import EntitiesConfig, IdentityConfig
from databank.identity.entities.build import JOB
from databank.identity.entities.tables import (
    ENTITY,
    ENTITY_ALIAS,
    ENTITY_CHANGES,
    ENTITY_IDENTIFIER,
    ENTITY_REJECTED,
)
from databank.identity.tables import PERSON, REJECTED
from databank.runs import Outcome
from databank.session import small_frame
from databank.sources.tables import EVENTS, IDENTIFIER, PROFILES
from tests.support.bank import DAY, Bank

NEXT, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)
TYPES = {"a": "address", "l": "landline", "k": "company"}
FIRST = 1000  # keys of what ties; those below are persons'
Seen = tuple[date, str]


class Town:
    """Person n has the identifier n; a1 is an address, l1 a landline, k1 a company."""

    def __init__(self, spark: SparkSession, root: Path, persons: int = 9) -> None:
        self.bank, self.spark, self.keys = Bank(spark, root), spark, dict[str, int]()
        held = [(n, n) for n in range(1, persons + 1)]
        self.bank.publish({PERSON: small_frame(spark, held, "id_key bigint, person_id bigint")})

    def show(self, events: Sequence[Seen], profiles: Sequence[Seen] = ()) -> None:
        """Records `1 a1 l1`: identifiers of persons, and what ties; they replace all before."""
        words = {w for _, text in (*events, *profiles) for w in text.split() if w[0] in TYPES}
        for word in sorted(words - self.keys.keys()):
            self.keys[word] = FIRST + len(self.keys)
        known = [(key, TYPES[word[0]], word, True) for word, key in self.keys.items()]
        shape = "id_key bigint, id_type string, id_value string, entity boolean"
        tables = {IDENTIFIER: small_frame(self.spark, known, shape).withColumn("salt", F.lit(0))}
        tables |= {
            spec: self._records(records, *names)
            for spec, records, names in (
                (EVENTS, events, ("event_id", "event_ts")),
                (PROFILES, profiles, ("record_id", "updated_ts")),
            )
        }
        scope = tables[IDENTIFIER].withColumn("scope", F.lit(""))
        self.bank.publish({**tables, IDENTIFIER: scope})

    def _records(self, records: Sequence[Seen], record: str, at: str) -> Any:
        rows = []
        for number, (day, text) in enumerate(records):
            ids = [int(word) for word in text.split() if word[0] not in TYPES]
            named = [self.keys[word] for word in text.split() if word[0] in TYPES]
            rows.append((str(number), f"{day} 10:00:00", ids, named or None))
        shape = f"{record} string, {at} string, ids array<bigint>, entity_ids array<bigint>"
        frame = small_frame(self.spark, rows, shape).withColumn("source", F.lit("s"))
        frame = frame.withColumns(
            {at: F.col(at).cast("timestamp"), "id_key": F.get("ids", F.lit(0))}
        )
        return frame.withColumn("day", F.to_date(at)) if record == "event_id" else frame

    def resolve(
        self, day: date = DAY, block: Sequence[dict[str, str]] = (), **entities: dict[str, Any]
    ) -> Outcome:
        given = entities or {"household": {"by": ["address", "landline"]}}
        config = EntitiesConfig.model_validate({"entities": given, "block": block})
        return self.bank.run(JOB, config, day=day)

    def together(self, entity: str = "household") -> dict[int, set[int]]:
        """Persons by the number of the entity."""
        persons: dict[int, set[int]] = {}
        for number, person in self.bank.rows(
            ENTITY, "entity_id", "person_id", where=f"entity = '{entity}'"
        ):
            persons.setdefault(number, set()).add(person)
        return persons

    def changes(self, day: date) -> list[tuple[Any, ...]]:
        columns = ("kind", "entity_id", "other_entity_id")
        return self.bank.rows(ENTITY_CHANGES, *columns, where=f"day = date '{day}'")


@pytest.fixture
def town(spark_session: SparkSession, tmp_path: Path) -> Town:
    return Town(spark_session, tmp_path)


@pytest.mark.slow
def test_households_are_the_components_of_persons_and_addresses(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    chance = random.Random(3)
    town = Town(spark_session, tmp_path, persons=120)
    records = [
        (DAY, f"{chance.randrange(1, 121)} {chance.choice('al')}{chance.randrange(60)}")
        for _ in range(110)
    ]
    companies = [(DAY, f"{n} k{n % 7}") for n in range(1, 40)]
    # what nobody is named with, and persons with nothing that ties
    town.show([*records[:60], (DAY, "a1 l2"), (DAY, "5")], [*records[60:], *companies])
    town.resolve(household={"by": ["address", "landline"]}, account={"by": ["company"]})
    graph = nx.Graph([tuple(text.split()) for _, text in records])
    persons = (
        {int(node) for node in part if node[0] not in TYPES}
        for part in nx.connected_components(graph)
    )
    assert {frozenset(part) for part in town.together().values()} == {
        frozenset(part) for part in persons
    }
    accounts = {frozenset(part) for part in town.together("account").values()}
    assert accounts == {frozenset(range(n or 7, 40, 7)) for n in range(7)}
    tied = town.bank.rows(ENTITY_IDENTIFIER, "entity", "id_key")
    assert len([key for entity, key in tied if entity == "account"]) == 7


@pytest.mark.nightly
def test_numbers_stay_with_those_who_stay(town: Town) -> None:
    town.show([], [(DAY, "1 a1"), (DAY, "2 a1"), (DAY, "3 a2"), (DAY, "4 a3"), (DAY, "5 a3 l3")])
    town.resolve()
    first = town.together()
    assert sorted(map(sorted, first.values())) == [[1, 2], [3], [4, 5]]
    number = {person: n for n, persons in first.items() for person in persons}
    # 3 moves in with 1 and 2; 5 takes another flat; 4's lease ends, and 6 comes to a3
    lines = ["1 a1", "2 a1", "3 a1", "5 a4", "6 a3 l3"]
    town.show([], [(NEXT, text) for text in lines])
    summary = town.resolve(NEXT).summary
    assert summary["household"] == "3 with 5 persons, 3 in the largest"
    now = town.together()
    assert now[number[1]] == {1, 2, 3}
    # address and landline are still there, and whoever has them
    assert now[number[4]] == {6}
    [fresh] = set(now) - set(first.keys())
    assert now[fresh] == {5}
    assert fresh > max(first)
    assert town.bank.rows(ENTITY_ALIAS, "old_entity_id", "entity_id") == [(number[3], number[1])]
    assert town.changes(NEXT) == [
        ("merge", number[1], number[3]),
        ("split", fresh, number[4]),
    ]
    # nobody is left, and nobody ever gets these numbers
    town.show([], [(THIRD, "7 a9")])
    town.resolve(THIRD)
    [last] = town.together()
    assert last > fresh
    assert {kind for kind, *_ in town.changes(THIRD)} == {"new", "retired"}


@pytest.mark.slow
def test_what_too_many_share_ties_nobody_and_a_chain_is_cut_where_it_is_weakest(
    town: Town,
) -> None:
    hall = [(DAY, f"{n} a1") for n in (5, 6, 7, 8)]
    chain = ["1 l1", "2 l1", "2 l1", "2 a2", "3 a2", "3 a2", "3 l3", "3 l3", "4 l3", "4 l3"]
    town.show([*hall, *((DAY, text) for text in chain)])
    summary = town.resolve(household={"by": ["address", "landline"], "persons": 3}).summary
    assert summary["household: identifiers of too many"] == 1
    # addresses are stronger than landlines, and of landlines 1's was seen least
    assert sorted(map(sorted, town.together().values())) == [[2, 3, 4]]
    rejected = town.bank.rows(ENTITY_REJECTED, "id_key", "person_id", "reason")
    assert rejected == [
        (town.keys["a1"], None, "shared by 4 persons (limit of household: 3)"),
        (town.keys["l1"], 1, "the household would have more than 3 persons"),
    ]
    town.resolve(NEXT)
    assert sorted(map(sorted, town.together().values())) == [[1, 2, 3, 4], [5, 6, 7, 8]]


@pytest.mark.nightly
def test_what_was_not_seen_for_long_ties_nobody(town: Town) -> None:
    old = DAY - timedelta(days=30)
    town.show([(old, "1 a1"), (DAY, "2 a1")], [(old + timedelta(days=1), "3 a1")])
    town.resolve(household={"by": ["address"], "days": 30})
    assert list(town.together().values()) == [{2, 3}]
    town.resolve(NEXT, household={"by": ["address"], "days": 30})
    assert list(town.together().values()) == [{2}]


def test_a_record_tells_of_the_person_of_its_day_and_of_its_next_identifier(town: Town) -> None:
    since = DAY - timedelta(days=5)
    # 1 had the number first, then 2; what 3 holds is set aside, and its record names 4 as well
    rows = [(11, 1, None, since), (11, 2, since, None), (4, 4, None, None)]
    shape = "id_key bigint, person_id bigint, valid_from date, valid_to date"
    excluded = small_frame(town.spark, [(3, "limit", DAY)], "a_key bigint, rule string, day date")
    town.bank.publish({PERSON: small_frame(town.spark, rows, shape), REJECTED: excluded})
    before = DAY - timedelta(days=9)
    town.show([(before, "11 a1"), (DAY, "11 a2"), (DAY, "3 4 a3"), (DAY, "3 a4")])
    town.resolve()
    of_place = dict(town.bank.rows(ENTITY_IDENTIFIER, "id_key", "entity_id"))
    assert {town.keys["a4"]} == set(town.keys.values()) - of_place.keys()
    together = town.together()
    by_address = {word: together[of_place[town.keys[word]]] for word in ("a1", "a2", "a3")}
    assert by_address == {"a1": {1}, "a2": {2}, "a3": {4}}


@pytest.mark.slow
def test_what_is_blocked_ties_nobody_and_a_persons_identifier_makes_no_entity(town: Town) -> None:
    town.show([(DAY, "1 a1"), (DAY, "2 a1"), (DAY, "3 a2"), (DAY, "4 a2")])
    unsaid = {"type": "address", "value": "a1", "reason": "no address"}
    town.resolve(block=[unsaid])
    assert list(town.together().values()) == [{3, 4}]
    rejected = town.bank.rows(ENTITY_REJECTED, "id_key", "person_id", "reason")
    assert rejected == [(town.keys["a1"], None, "no address")]
    # conf has none any more
    config = EntitiesConfig(entities={})
    town.bank.run(JOB, config, day=DAY)
    assert town.together() == {}
    town.bank.publish(
        {IDENTIFIER: town.bank.read(IDENTIFIER).withColumn("entity", F.lit(None).cast("boolean"))}
    )
    with pytest.raises(DataBankError, match="address was a person's identifier when it was loaded"):
        town.resolve(NEXT)


def test_without_evidence_there_is_nobody(town: Town) -> None:
    town.show([(DAY, "1")])
    assert town.resolve().summary == {"household": "0 with 0 persons, 0 in the largest"}
    assert town.together() == {}


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ({"person": {"by": ["address"]}}, "person is made by `identifiers`"),
        ({"household": {"by": ["phone"]}}, "household.by: phone is in `identifiers`"),
        ({"household": {"by": []}}, "at least 1 item"),
        ({"household": {"by": ["address", "address"]}}, "names a type twice"),
        ({"household": {"by": ["address"], "persons": 0}}, "greater than 0"),
        ({"household": {"by": ["address"], "days": True}}, "valid integer"),
    ],
)
def test_a_wrong_entity_is_refused(entities: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        IdentityConfig.model_validate({"identifiers": ["phone"], "entities": entities})
