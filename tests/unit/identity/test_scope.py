"""Solving only what is touched gives what solving all gives: persons, ids, changes, refusals."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from databank.identity.tables import (
    ALIAS,
    CHANGES,
    DEGREES,
    EDGES,
    HUB,
    PERSON,
    REJECTED,
    STATE,
)
from databank.tables import TableSpec
from tests.support.bank import DAY
from tests.unit.identity.world import PEOPLE, World, group, pair

KINDS = ("block", "ignore_link", "must_link", "cannot_link", "reassigned_by_hand", "none")
RULES: dict[str, Any] = {
    "limits": {
        "phone": {"user_id": {"most": 1}, "cookie": {"most": 2, "days": 3}},
        "cookie": {"user_id": 2, "phone": {"most": 1, "days": 2}},
    },
    "reassignment": {"phone": {"silent_days": 2, "to": ["user_id"]}},
    "persons": {"user_id": 2, "cookie": {"most": 3, "days": 4}, "any": 6},
    "hub_factor": 1,
    "linkage": PEOPLE,
}
# what a run says of its own (its id, the day on which it looked) is not the same
SAME: dict[TableSpec, tuple[str, ...]] = {
    EDGES: (),
    PERSON: (),
    ALIAS: (),
    DEGREES: (),
    HUB: (),
    STATE: ("run_id",),
    CHANGES: ("run_id",),
    REJECTED: ("day",),
}


class History:
    """A few identifiers that nobody else has, and what becomes of them."""

    def __init__(self, number: int) -> None:
        self.chance, self.erasures = random.Random(number), random.Random(-1 - number)
        sizes = (("u", 4), ("p", 3), ("c", 5))
        self.words = {k: [f"{k}{number}_{n}" for n in range(most)] for k, most in sizes}
        self.number = number
        self.manual: dict[str, list[dict[str, Any]]] = {}

    def record(self) -> str:
        """One to three identifiers, the strongest first."""
        kinds = self.chance.choice(["up", "uc", "uc", "pc", "upc", "ucc", "u", "p", "c"])
        words = [self.chance.choice(self.words[kind]) for kind in kinds]
        return " ".join(dict.fromkeys(words))

    def day(self, day: date) -> tuple[list[tuple[date, str]], dict[str, str]]:
        """Records, some of them late, and profiles that are sent again."""
        late = [day - timedelta(days=self.chance.choice([0, 0, 0, 1, 4]))]
        records = [(late[0], self.record()) for _ in range(self.chance.choice([0, 0, 1, 1, 2]))]
        profiles = {}
        if self.chance.random() < 0.3:
            profiles[f"{self.number}-{self.chance.randrange(2)}"] = self.record()
        return records, profiles

    def erased(self) -> str | None:
        """One of them that is erased, now and then; later records may bring it back."""
        every = [word for words in self.words.values() for word in words]
        return self.erasures.choice(every) if self.erasures.random() < 0.05 else None

    def link(self) -> str:
        """Two of them whose profiles are alike, now and then; what was said is not said again."""
        a, b = self.chance.sample([word for words in self.words.values() for word in words], 2)
        return f"{a} {b} {self.chance.choice([0.6, 0.93, 0.97])}"

    def rules(self, day: date) -> dict[str, list[dict[str, Any]]]:
        """Rules made by hand; now and then there is another one."""
        if self.chance.random() < 0.15:
            kind = self.chance.choice(KINDS)
            self.manual = {kind: [self._rule(kind, day)]} if kind != "none" else {}
        return self.manual

    def _rule(self, kind: str, day: date) -> dict[str, Any]:
        every = [word for words in self.words.values() for word in words]
        a, b = self.chance.sample(every, 2)
        if kind == "block":
            return pair(a, b)["a"]
        if kind == "reassigned_by_hand":
            return pair(self.chance.choice(self.words["p"]), b)["a"] | {"day": day}
        return pair(a, b)


def typical() -> Iterator[str]:
    """Many with four neighbours each, so that four stay typical of every type."""
    for kind in "upc":
        for number in range(600):
            # a few have five, which makes them hubs, and yet are one customer
            most = 5 if number % 200 == 7 else 4
            yield " ".join([f"{kind}_{number}", *(f"e{kind}_{number}_{n}" for n in range(most))])


@pytest.mark.nightly
@pytest.mark.usefixtures("affected_only")
def test_days_one_by_one_give_what_all_of_it_gives(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    histories = [History(number) for number in range(300)]
    world = World(spark_session, tmp_path / "bank")
    for number in range(3):
        day = DAY + timedelta(days=number)
        manual: dict[str, list[dict[str, Any]]] = {}
        likely: list[str] = []
        erased: list[str] = []
        # longer ago than any window
        records = [] if number else [(DAY - timedelta(days=30), record) for record in typical()]
        profiles: dict[str, str] = {}
        for history in histories:
            new, shown = history.day(day)
            records += new
            profiles |= shown
            likely += [history.link()] if history.number % 3 == 0 else []
            erased += [word for word in [history.erased()] if word]
            for kind, rules in history.rules(day).items():
                manual.setdefault(kind, []).extend(rules)
        world.load(records, profiles)
        if number:
            world.erase(day, *(word for word in erased if word in world.keys))
        # of some the bank has never heard
        world.link(*(line for line in likely if {*line.split()[:2]} <= world.keys.keys()))
        if number == 0:
            world.resolve(day, **RULES, **manual)
            continue
        anew = world.copy(tmp_path / f"anew-{number}")
        whole = anew.resolve_all(day, **RULES, **manual).summary
        part = world.resolve(day, **RULES, **manual).summary
        solved = part["solved again"]
        assert isinstance(solved, int)
        assert solved < 4000
        assert part["identifiers moved"] == whole["identifiers moved"] != 0
        for table, own in SAME.items():
            columns = [c.name for c in table.columns if c.name not in own]
            rows, wanted = (each.bank.rows(table, *columns) for each in (world, anew))
            assert rows == wanted, (table.name, day)
    # what is hard has happened: periods, cuts, all kinds of changes, hubs that were released
    assert world.bank.rows(PERSON, "id_key", where="valid_from IS NOT NULL")
    assert {row[0] for row in world.bank.rows(HUB, "released")} == {True, False}
    assert {rule for _, _, rule in world.rejected()} == {
        "limit",
        "hub",
        "person",
        "block",
        "manual",
    }
    kinds = {row[0] for row in world.bank.rows(CHANGES, "kind")}
    assert kinds >= {"new", "merge", "split", "grow", "shrink"}


@pytest.mark.nightly
@pytest.mark.usefixtures("affected_only")
def test_a_general_rule_that_changes_has_all_solved_again(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    world = World(spark_session, tmp_path, "u1 p1", "u2 p1", "u3 c3")
    world.resolve()
    again = world.resolve(limits={"phone": {"user_id": 1}}).summary
    assert again["full solve because"] == "general rules of identity.yml have changed"
    assert world.persons() == group("u1", "u2", "u3 c3")
    world.come(DAY, "u3 p3")
    summary = world.resolve(limits={"phone": {"user_id": 1}}).summary
    assert summary["full solve because"] == "50% of the identifiers have new evidence"
    assert world.persons() == group("u1", "u2", "u3 c3 p3")
