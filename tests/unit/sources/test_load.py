"""What a load makes of many rows: shares, states that add up, ids that are none, clocks."""

import json
import os
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, strategies as st
from pyspark.sql import SparkSession

from databank.errors import GateRefusedError
from databank.quality.quarantine import WAITING
from databank.runs import Outcome
from databank.sources.formats.registry import read_source
from databank.sources.load_stats import LoadStats
from databank.sources.plausible import first_plausible_day
from tests.unit.sources.world import DAY, World

pytestmark = pytest.mark.slow

SALES: dict[str, Any] = {
    "source": "sales", "format": "json", "path": "in/sales/*", "becomes": "events",
    "columns": {"event_id": "id", "event_ts": "ts", "event": {"expr": "'buy'"}, "amount": "amount"},
    "identifiers": {"user_id": "user", "phone": "mobile"},
}  # fmt: skip
TRAITS: dict[str, Any] = {
    "source": "traits", "format": "json", "path": "in/traits/*", "becomes": "profiles",
    "columns": {"record_id": "user", "updated_ts": "ts"},
    "identifiers": {"user_id": "user", "phone": "mobile"},
    "profile": "adds",
}  # fmt: skip
CARDS: dict[str, Any] = {
    "source": "cards", "format": "csv", "path": "in/cards/*", "becomes": "profiles",
    "columns": {"record_id": "card"},
}  # fmt: skip


PROFILE = ("record_id", "to_json(attributes)", "size(ids)", "cast(updated_ts as date)", "load_id")
OLD = {"id": "old", "ts": "2006-05-01T10:00:00Z", "user": "b"}


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def sales(n: int, *, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": f"s{first + i}", "ts": "2026-01-30", "user": "a"} | fields for i in range(n)]


class Loads(NamedTuple):
    """Four loads of one bank: what each told, and the profiles behind it."""

    outcomes: list[Outcome]
    profiles: list[dict[str, tuple[Any, ...]]]
    quarantine: list[tuple[Any, ...]]  # of the first load


@pytest.fixture(scope="module")
def loads(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Loads:
    root = tmp_path_factory.mktemp("bank")
    world = World(spark_session, root, (SALES, TRAITS, CARDS), memory=True)
    made = Loads([], [], [])

    def load(day: date = DAY) -> None:
        made.outcomes.append(world.run(day=day))
        rows = world.rows("core.profiles", *PROFILE)
        made.profiles.append({row[0]: row[1:] for row in rows})

    bad = [*sales(10, first=100, amount="7 EUR"), *sales(2, first=200, ts="then")]
    ids = [*sales(3, first=800, mobile="12"), *sales(2, first=900, user="unknown")]
    world.put("sales/1.json", lines(*sales(20, amount=1), *sales(1, amount=1), *bad, *ids))
    # those of the next day wait and are no fault, however many there are
    world.put("sales/2.json", lines(*sales(90, first=300, ts="2026-02-01")))
    world.put("sales/3.json", lines(*sales(2, amount=2), *sales(1, first=2, amount=1), OLD))
    world.put("sales/4.json", lines(*sales(1200, first=5000)))
    first = {"user": "a", "ts": "2026-01-10", "first_name": "Ann", "city": "Bonn"}
    plan = {"user": "a", "ts": "2026-01-12", "plan": "gold", "mobile": "13912345670"}
    world.put("traits/1.json", lines(plan, first, {"user": "b", "ts": "2026-01-11", "x": "1"}))
    for number in (9, 10):  # by name 10.csv would come before 9.csv
        world.put(f"cards/{number}.csv", f"card,level\nc1,from {number}\n")
        moment = 1_760_000_000 + number
        os.utime(root / f"in/cards/{number}.csv", (moment, moment))
    load()
    made.quarantine.extend(world.rows("ops.quarantine", "rule", "reason", "raw"))

    world.put("sales/5.json", lines(*sales(40, first=600), *sales(11, first=700, amount="x")))
    load()

    world.sources = ({**SALES, "quarantine_limit": 0.25}, TRAITS, CARDS)
    known = [*sales(1, amount=1), *sales(1, first=1, amount=3), {**OLD, "id": "old 2"}]
    world.put("sales/6.json", lines(*known))
    late = {"user": "a", "ts": "2026-01-11", "city": "Cologne", "age": "40"}
    world.put("traits/2.json", lines(late, first, {"user": "b", "ts": "2026-01-13", "x": None}))
    world.put("cards/1.csv", "card,level\nc1,next day\n")
    load(DAY + timedelta(days=1))

    # a file that is delivered again under another name repeats, and says nothing new
    world.sources = ({**SALES, "earliest": "2006-01-01"}, TRAITS, CARDS)
    world.put("sales/7.json", lines(*sales(20, amount=1), {**OLD, "id": "old 3"}))
    world.put("traits/3.json", lines({"user": "a", "ts": "2026-01-12", "plan": "gold"}))
    load(DAY + timedelta(days=1))
    return made


# ---- the share that goes to quarantine


def test_the_table_of_the_job_tells_what_was_refused_and_why(loads: Loads) -> None:
    summary = loads.outcomes[0].summary
    assert summary["quarantined"] == 103
    assert summary["quarantined sales.from_the_future"] == 90
    assert summary["quarantined sales.unreadable_amount"] == 10
    assert summary["quarantined sales.unreadable_event_ts"] == 2
    assert summary["quarantined sales.too_early"] == 1
    assert summary["refused sales.phone malformed"] == 3
    assert summary["refused sales.user_id placeholder"] == 2


def test_a_load_is_refused_if_a_fifth_of_a_source_would_go_to_quarantine(loads: Loads) -> None:
    error = loads.outcomes[1].error
    assert isinstance(error, GateRefusedError)
    assert error.exit_code == 3
    assert "source sales: 11 of 51 records (21.6%) would go to quarantine" in str(error)
    assert "quarantine_limit of 20.0%: unreadable_amount 11; nothing was loaded" in str(error)
    assert loads.outcomes[2].error is None
    assert loads.outcomes[2].summary["quarantined sales.unreadable_amount"] == 11


@pytest.mark.parametrize(
    ("read", "bad", "refused"), [(20, 4, False), (20, 5, True), (19, 19, False)]
)
def test_a_source_of_a_few_records_is_not_judged(read: int, bad: int, refused: bool) -> None:
    stats = LoadStats()
    stats.read["shop"] = read
    stats.quarantined["shop", "format"] = bad
    stats.quarantined["shop", WAITING] = read - bad
    with pytest.raises(GateRefusedError) if refused else nullcontext():
        stats.refuse_above_limits({"shop": 0.2, "web": 0})


# ---- profiles


def test_traits_add_up_in_the_order_of_their_times(loads: Loads) -> None:
    a = '{"city":"Bonn","first_name":"Ann","plan":"gold"}'
    assert loads.profiles[0]["a"][:3] == (a, 2, date(2026, 1, 12))
    assert loads.profiles[0]["b"][:3] == ('{"x":"1"}', 1, date(2026, 1, 11))


def test_a_late_state_fills_only_what_is_not_known(loads: Loads) -> None:
    a = '{"age":"40","city":"Bonn","first_name":"Ann","plan":"gold"}'
    assert loads.profiles[2]["a"][:3] == (a, 2, date(2026, 1, 12))
    assert loads.profiles[2]["b"][:3] == ('{"x":"1"}', 1, date(2026, 1, 13))


def test_a_state_that_says_nothing_new_changes_nothing(loads: Loads) -> None:
    assert loads.profiles[3]["a"] == loads.profiles[2]["a"]


def test_only_profiles_add_up() -> None:
    with pytest.raises(ValueError, match="`profile` belongs to profiles, not events"):
        read_source({**SALES, "profile": "adds"})


def test_of_profiles_without_a_time_the_newest_delivery_counts(loads: Loads) -> None:
    assert loads.profiles[0]["c1"][0] == '{"level":"from 10"}'
    assert loads.profiles[2]["c1"][0] == '{"level":"next day"}'


# ---- keys that are none


def test_ids_that_two_files_give_to_different_events_are_warned_of(loads: Loads) -> None:
    first, _, third, last = (outcome.summary for outcome in loads.outcomes)
    assert first["repeated or not newer"] == 1 + 3 + 2  # two of them profiles
    assert first["warning sales: ids of other events"] == 2
    assert third["warning sales: ids of other events"] == 1
    assert "warning sales: ids of other events" not in last


# ---- clocks


def test_a_clock_that_was_never_set_goes_to_quarantine(loads: Loads) -> None:
    [(_, reason, raw)] = [row for row in loads.quarantine if row[0] == "too_early"]
    assert reason.startswith("event_ts: 2006-05-01 10:00:00 lies more than a year before all")
    assert "begin on 2026-01-30" in reason
    assert json.loads(raw) == OLD
    # a later load knows it from the bank, and what the source says holds
    assert loads.outcomes[2].summary["quarantined sales.too_early"] == 1
    assert loads.outcomes[3].summary["loaded"] == 1


@pytest.mark.parametrize(
    ("counts", "first"),
    [
        ({}, None),
        ({"2024-01-01": 5}, "2024-01-01"),
        # two clocks, each alone
        ({"2001-01-01": 1, "2012-01-01": 1, "2025-01-01": 5000, "2026-01-01": 10}, "2025-01-01"),
        # too many for a fault
        ({"2012-01-01": 10, "2025-01-01": 5000}, "2012-01-01"),
        # a shop that began small
        ({"2019-06-01": 1, "2019-12-01": 1, "2020-06-01": 5000}, "2019-06-01"),
    ],
)
def test_the_first_day_comes_behind_a_year_without_events(
    counts: dict[str, int], first: str | None
) -> None:
    days = [(date.fromisoformat(day), n) for day, n in counts.items()]
    assert first_plausible_day(days) == (date.fromisoformat(first) if first else None)


@given(st.lists(st.tuples(st.dates(date(2000, 1, 1), date(2026, 1, 1)), st.integers(1, 10**6))))
def test_hardly_any_event_lies_before_the_first_day(counts: list[tuple[date, int]]) -> None:
    first = first_plausible_day(counts)
    if first is None:
        assert not counts
    else:
        assert first in {day for day, _ in counts}
        assert sum(n for day, n in counts if day < first) <= 0.001 * sum(n for _, n in counts)


def test_each_record_is_loaded_once_whoever_decides_its_identifiers(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    """Profiles of a region that only Python knows, events of both, and faults among them."""
    british = TRAITS | {"identifiers": {"phone": {"column": "mobile", "region": "GB"}}}
    world = World(spark_session, tmp_path, (SALES, british, CARDS), memory=True)
    world.put("cards/1.csv", "card,mobile\nc1,1\n")
    phones = ["139 1234 5670", "+44 7911 123456", "07911 123456", "none"]
    events = [sales(1, first=n, mobile=phone)[0] for n, phone in enumerate(phones)]
    events.append(sales(1, first=9, mobile="+44 7911 123456", ts="never")[0])
    world.put("sales/1.json", lines(*events))
    traits = [{"user": f"u{n}", "ts": "2026-01-30", "mobile": p} for n, p in enumerate(phones)]
    world.put("traits/1.json", lines(*traits))
    assert world.run().outcome == "done"
    names = dict(world.rows("identity.identifier", "id_key", "id_value"))
    sold = {
        event_id: sorted(names[key] for key in ids)
        for event_id, ids in world.rows("core.events", "event_id", "ids")
    }
    # without a country code it is of the region of the source
    assert sold == {
        "s0": ["+8613912345670", "a"],
        "s1": ["+447911123456", "a"],
        "s2": ["a"],
        "s3": ["a"],
    }
    profiles = {
        record_id: [names[key] for key in ids]
        for record_id, ids in world.rows("core.profiles", "record_id", "ids")
    }
    british_only = {"u0": [], "u1": ["+447911123456"], "u2": ["+447911123456"], "u3": []}
    assert profiles == {"c1": [], **british_only}
    refused = world.rows("ops.quarantine", "file", "line", "rule", "raw is not null")
    assert refused == [("in/sales/1.json", 5, "unreadable_event_ts", True)]
