"""Gates: a run that changes too much is not published."""

from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.errors import GateRefusedError
from databank.identity.config import Gates
from databank.identity.preview.gates import Churn, count_moved, refusal
from databank.tables.ops import METRIC
from tests.support.bank import DAY
from tests.support.frames import frame
from tests.unit.identity.world import World, group, pair

_HELD = "id_key bigint, person_id bigint, valid_from date, valid_to date"


def test_an_identifier_moves_where_a_day_of_it_is_another_persons(
    spark_session: SparkSession,
) -> None:
    before = """1 | 1 | |
        2 | 1 | |
        3 | 2 | |
        4 | 3 | |
        5 | 3 | |
        6 | 4 | |
        7 | 4 | | 2026-01-10
        7 | 5 | 2026-01-10 |
        8 | 6 | | """
    # 3 is merged into 1; 5 is split off, 4 set aside; 6 was handed over, 7 was not after all,
    # though who had it first has it still; 9 is new
    after = """1 | 1 | |
        2 | 1 | |
        3 | 1 | |
        5 | 7 | |
        6 | 4 | | 2026-01-20
        6 | 8 | 2026-01-20 |
        7 | 4 | |
        8 | 6 | |
        9 | 6 | | """
    changes = """merge | 1 | 2
        split | 7 | 3
        shrink | 3 |
        shrink | 4 |
        shrink | 5 |
        grow | 8 | """
    changed = frame(spark_session, "kind string, person_id bigint, other_person_id bigint", changes)
    was, now = (frame(spark_session, _HELD, rows) for rows in (before, after))
    assert count_moved(changed, was, now) == 4


def test_each_broken_gate_is_told() -> None:
    assert refusal(Churn(known=100, moved=2, largest=30), Gates(moved=0.02, largest=30)) is None
    assert refusal(Churn(known=0, moved=0, largest=30), Gates(moved=0)) is None
    message = str(refusal(Churn(known=4000, moved=81, largest=31), Gates(moved=0.02, largest=30)))
    assert "2.025 % of the identifiers (81 of 4,000) would come to another person" in message
    assert "allowed are 2 %; gates.largest: a person would hold 31 identifiers" in message
    assert "databank preview identity" in message


@pytest.mark.nightly
@pytest.mark.usefixtures("affected_only")
def test_a_refused_run_leaves_what_was_published(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    usual = [f"u{n} c{n}" for n in range(10, 40)]
    world = World(spark_session, tmp_path, "u1 p1", "u2 p2", "u2 c2", *usual)
    assert world.resolve(gates={"moved": 0.0, "largest": 3}).outcome == "done"
    published = group("u1 p1", "u2 p2 c2", *usual)
    second = DAY + timedelta(days=1)
    world.come(second, "u1 c2")
    both = r"\(2 of 65\) would come to another person.*would hold 5 identifiers, allowed are 4"
    with pytest.raises(GateRefusedError, match=both):
        world.resolve(second, gates={"moved": 0.02, "largest": 4})
    assert world.persons() == published
    figures = world.bank.store.ledger(METRIC)
    assert figures is not None
    shares = figures.where("name = 'share_moved'").select("day", "value").collect()
    assert sorted(tuple(row) for row in shares) == [(DAY, 0.0), (second, 2 / 65)]
    # only what is touched was looked at, and is again
    summary = world.resolve(second, gates={"moved": 0.1, "largest": 5}).summary
    assert summary["solved again"] == 5
    assert summary["identifiers moved"] == 2
    merged = group("u1 p1 u2 p2 c2", *usual)
    assert world.persons() == merged
    # the largest person is not there any more
    third = DAY + timedelta(days=2)
    wrong = [pair("u1", "c2")]
    assert (
        world.resolve(third, ignore_link=wrong, gates={"largest": 3}).summary["largest person"] == 3
    )
    assert world.persons() == published
