"""Identifiers that pass from one person to another, by their evidence or by hand."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from databank.archive.build import JOB as ARCHIVE
from databank.archive.config import ArchiveConfig
from databank.archive.tables import PERSON_DAY
from databank.errors import ConfigFaultsError
from databank.identity.config import IdentityConfig, Reassignment
from databank.identity.ownership.periods import node_key, periods_of, without_key_clashes
from databank.identity.ownership.reassignment import (
    neighbours_by_period,
    observations,
    reassignment_days,
    split_links,
)
from databank.identity.tables import CHANGES, PERSON
from databank.session import small_frame
from tests.support.bank import DAY
from tests.unit.identity.world import World, pair

RULES: dict[str, Any] = {
    "limits": {"phone": {"user_id": 1}},
    "reassignment": {"phone": {"silent_days": 30, "to": ["user_id"]}},
}
LATER, LAST = DAY + timedelta(days=60), DAY + timedelta(days=61)

Owned = tuple[str, frozenset[str], date | None, date | None]


def phones(world: World) -> set[Owned]:
    """Phones, who has them (the other identifiers of the person) and when."""
    rows = world.bank.rows(PERSON, "id_key", "person_id", "valid_from", "valid_to")
    others: dict[int, set[str]] = defaultdict(set)
    for key, person, _, _ in rows:
        if not world.word(key).startswith("p"):
            others[person].add(world.word(key))
    return {
        (world.word(key), frozenset(others[person]), start, end)
        for key, person, start, end in rows
        if world.word(key).startswith("p")
    }


def owned(phone: str, words: str, start: date | None, end: date | None) -> Owned:
    return phone, frozenset(words.split()), start, end


@pytest.mark.nightly
def test_a_phone_is_its_next_owners_after_silent_days_or_a_day_by_hand(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    soon, short = DAY + timedelta(days=3), DAY + timedelta(days=29)
    world = World(spark_session, tmp_path)
    world.load(
        [
            *((DAY, record) for record in ("u1 p1", "u1 c1", "p1 c1", "u2 p2", "u3 p3", "u4 p4")),
            *((DAY, record) for record in ("u5 p5", "u6 p6", "u7 p7", "u7 c7", "u8 p8", "u88 c8")),
            *((soon, "u55 p5"), (short, "u33 p3"), (LATER, "u11 p1"), (LATER, "p1 c11")),
            *((LATER, record) for record in ("u22 p2", "u2 p2", "u44 p4", "u444 p4", "u5 p5")),
            *((LATER, record) for record in ("u66 p6", "u77 p7", "u77 c77", "p8 c78", "p8")),
        ]
    )
    passed = [("p5", soon), ("p6", LAST), ("p99", soon)]
    world.resolve(
        LATER,
        **RULES,
        reassigned_by_hand=[{"type": "phone", "value": p, "day": str(day)} for p, day in passed],
        cannot_link=[pair("p7", "c7"), pair("p7", "c77")],
    )
    assert phones(world) == {
        owned("p1", "u1 c1", None, LATER),
        owned("p1", "u11 c11", LATER, None),
        # two share it after the reassignment, so that it has no owner then
        owned("p4", "u4", None, LATER),
        # u5's app says p5 to the end: what is known by hand stands
        owned("p5", "u5", None, soon),
        owned("p5", "u55", soon, None),
        # by hand it passes on tomorrow, which is not yet so; the evidence decides
        owned("p6", "u6", None, LATER),
        owned("p6", "u66", LATER, None),
        owned("p7", "u7", None, LATER),
        owned("p7", "u77", LATER, None),
        owned("p8", "u8 c78", None, None),
    }
    assert world.rejected() == {
        # u2 has p2 on both sides of the silence: it was never given up
        ("p2", "", "limit"),
        # a silence too short
        ("p3", "", "limit"),
        ("p4", "", "limit"),
        # rules by hand hold for every period
        ("c7", "u7", "person"),
        ("c77", "u77", "person"),
    }
    archive(world, LATER)
    first = users(world)
    assert days_of(world) == {("u8", DAY, 1), ("u8", LATER, 2), ("u88", DAY, 1)}
    # only on the next day it turns out that p8 is u88's now
    world.come(LAST, "u88 p8")
    world.resolve(
        LAST,
        **RULES,
        reassigned_by_hand=[
            {"type": "phone", "value": p, "day": str(day)} for p, day in passed[::2]
        ],
        cannot_link=[pair("p7", "c7"), pair("p7", "c77")],
    )
    archive(world, LAST)
    # the past follows, and ids stay
    assert days_of(world) == {
        ("u8", DAY, 1), ("u88", DAY, 1), ("u88", LATER, 2), ("u88", LAST, 1)
    }  # fmt: skip
    assert users(world) == first
    assert {kind for kind, _, _ in world.changes(LAST)} == {"shrink", "grow", "split"}
    # beside them nobody changes on a day without records, p4's first owner neither
    assert changed_users(world, LAST) == {"u8", "u88"}
    # without the rule the phone has no owner, and its events are those of nobody but c78
    world.resolve(LAST + timedelta(days=1), limits=RULES["limits"])
    archive(world, LAST + timedelta(days=1))
    assert ("p8", "", "limit") in world.rejected()
    assert ("u88", LATER, 2) not in days_of(world)


def archive(world: World, day: date) -> None:
    world.bank.run(ARCHIVE, ArchiveConfig(), day=day, config_hash="same")


def users(world: World) -> dict[int, str]:
    """Persons by their user id."""
    rows = world.bank.rows(PERSON, "id_key", "person_id")
    return {person: word for key, person in rows if (word := world.word(key)).startswith("u")}


def changed_users(world: World, day: date) -> set[str]:
    """User ids of all persons that changed on a day."""
    rows = world.bank.rows(CHANGES, "person_id", "other_person_id", where=f"day = date '{day}'")
    names = users(world)
    return {names[person] for row in rows for person in row if person in names}


def days_of(world: World) -> set[tuple[str, date, int]]:
    """Who (u8 or u88), day, events."""
    names = users(world)
    rows = world.bank.rows(PERSON_DAY, "person_id", "day", "n")
    periods = {(names[person], day, n) for person, day, n in rows if person in names}
    return {row for row in periods if row[0] in ("u8", "u88")}


# ---- days of reassignment against the definition

Seen = tuple[int, int, int, int]  # key, other, first and last day


def frame_of(spark: SparkSession, seen: Iterable[Seen]) -> Any:
    def at(day: int) -> datetime:
        return datetime.fromisoformat("2026-01-01T05:00:00+00:00") + timedelta(days=day)

    rows = [(a, b, at(first), at(last)) for a, b, first, last in seen]
    return small_frame(
        spark, rows, "a_key bigint, b_key bigint, first_ts timestamp, last_ts timestamp"
    )


def expected(seen: Sequence[Seen], types: dict[int, str], silent_days: int) -> set[tuple[int, int]]:
    """Key and day, by looking at every day of every key."""
    reassigned = set()
    for key in {s[0] for s in seen}:
        sightings = [(b, first, last) for a, b, first, last in seen if a == key]
        covered = sorted({d for _, first, last in sightings for d in range(first, last + 1)})
        stretches: list[list[int]] = []
        for day in covered:
            if not stretches or day - stretches[-1][-1] >= silent_days:
                stretches.append([])
            stretches[-1].append(day)
        had: set[str] = set()
        for stretch in stretches:
            held = {types[b] for b, first, _ in sightings if first in stretch} & {
                "user_id",
                "member_card",
            }
            if held & had:
                reassigned.add((key, stretch[0]))
            had |= held
    return reassigned


def test_days_of_reassignment_are_those_of_the_definition(spark_session: SparkSession) -> None:
    rng = np.random.default_rng(0)
    names = ("user_id", "member_card", "cookie")
    types, seen = {k: names[k % 3] for k in range(1000, 1240)}, []
    for key in range(180):
        # three worlds of 80 others
        others = np.arange(80) + 1000 + 80 * (key // 60)
        for neighbour in rng.choice(others, size=rng.integers(1, 6), replace=False).tolist():
            first = int(rng.integers(0, 200))
            seen.append((key, neighbour, first, first + int(rng.integers(0, 25))))
    listed = [*((k, "phone") for k in range(180)), *types.items()]
    identifiers = small_frame(spark_session, listed, "id_key bigint, id_type string")
    swapped = [(b, a, *days) if rng.random() < 0.5 else (a, b, *days) for a, b, *days in seen]
    rules = {"phone": Reassignment(silent_days=20, to=("user_id", "member_card"))}
    candidates = identifiers.where("id_key < 180")
    observed = observations(frame_of(spark_session, swapped), identifiers, candidates)
    rows = reassignment_days(observed, rules, "UTC").collect()
    days = {(row["id_key"], (row["day"] - date(2026, 1, 1)).days) for row in rows}
    assert len(days) == len(rows)
    assert days == expected(seen, types, 20)
    assert all(len({d for d in days if d[0] // 60 == world}) > 5 for world in range(3))


def test_the_day_is_that_of_the_business(spark_session: SparkSession) -> None:
    # 05:00 UTC is still the day before in Honolulu
    links = frame_of(spark_session, [(1, 1000, 0, 0), (1, 1001, 40, 41)])
    types = [(1, "phone"), (1000, "user_id"), (1001, "user_id")]
    identifiers = small_frame(spark_session, types, "id_key bigint, id_type string")
    rules = {"phone": Reassignment(silent_days=20, to=("user_id",))}
    observed = observations(links, identifiers, identifiers.where("id_key = 1"))
    days = reassignment_days(observed, rules, "Pacific/Honolulu")
    periods = periods_of(days)
    assert [row["day"] for row in days.collect()] == [date(2026, 2, 9)]
    split = split_links(links, observed, periods, "Pacific/Honolulu").collect()
    nodes = {row["valid_from"]: row["node"] for row in periods.collect()}
    assert {(row["a_key"], row["b_key"]) for row in split} == {
        (nodes[None], 1000),
        (nodes[date(2026, 2, 9)], 1001),
    }
    assert nodes[None] == 1


def test_a_pair_shown_again_after_a_reassignment_by_hand_is_old(
    spark_session: SparkSession,
) -> None:
    # two sources saw 1 with 1000, the second one long after 1 had come to 1001
    links = frame_of(spark_session, [(1, 1000, 0, 0), (1000, 1, 50, 51), (1, 1001, 40, 41)])
    types = [(1, "phone"), (1000, "user_id"), (1001, "user_id")]
    identifiers = small_frame(spark_session, types, "id_key bigint, id_type string")
    observed = observations(links, identifiers, identifiers.where("id_key = 1"))
    days = small_frame(spark_session, [(1, date(2026, 2, 5))], "id_key bigint, day date")
    periods = periods_of(days)
    nodes = {row["valid_from"]: row["node"] for row in periods.collect()}
    counts = neighbours_by_period(observed, periods, "UTC").groupBy("id_key").count().collect()
    assert {row["id_key"]: row["count"] for row in counts} == dict.fromkeys(nodes.values(), 1)
    split = split_links(links, observed, periods, "UTC").collect()
    later = nodes[date(2026, 2, 5)]
    assert sorted((r["a_key"], r["b_key"]) for r in split) == sorted(
        [(1, 1000), (1000, 1), (later, 1001)]
    )


def test_a_key_that_another_identifier_has_is_not_used(spark_session: SparkSession) -> None:
    days = small_frame(spark_session, [(1, DAY), (1, LATER), (2, DAY)], "id_key bigint, day date")
    periods = periods_of(days)
    assert periods.count() == 5
    key = periods.where("id_key = 1 AND valid_from IS NOT NULL").select(node_key().alias("k"))
    clashing = key.limit(1).selectExpr("k AS id_key", "'cookie' AS id_type")
    left = without_key_clashes(periods, clashing).collect()
    assert {row["id_key"] for row in left} == {2}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reassignment": RULES["reassignment"]}, "add user_id: 1, without days, to limits.phone"),
        (
            {
                "reassignment": RULES["reassignment"],
                "limits": {"phone": {"user_id": {"most": 1, "days": 90}, "any": 20}},
            },
            "without days",
        ),
        (
            {"reassignment": {"phon": {"silent_days": 3, "to": ["user_id"]}}},
            "unknown identifier type",
        ),
        ({"reassignment": {"phone": {"silent_days": 0, "to": ["user_id"]}}}, "greater than 0"),
        (
            {"reassigned_by_hand": [{"type": "phone", "value": "p1", "day": "2026-01-01"}] * 2},
            "twice for a day",
        ),
    ],
)
def test_rules_that_cannot_work_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, ConfigFaultsError), match=message):
        IdentityConfig.model_validate({"identifiers": ["user_id", "phone"], **wrong})
