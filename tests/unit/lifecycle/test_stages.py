"""Stages and the flow between two days."""

import random
from collections import Counter
from pathlib import Path

from pyspark.sql import SparkSession

from databank.lifecycle.build import JOB
from databank.lifecycle.config import LifecycleConfig, LifecycleJobConfig
from databank.lifecycle.stages import flow_between
from databank.lifecycle.tables import FLOW, STAGE
from databank.session import small_frame
from tests.support.bank import make_bank

AIPL = LifecycleConfig.model_validate(
    {
        "stages": [
            {"name": "aware", "when": "events('view', 'last 30 days') >= 1"},
            {"name": "buyer", "when": "events('purchase', 'last 30 days') >= 1"},
        ],
        "compare_days": 30,
    }
)


def test_the_highest_stage_wins_and_new_persons_are_shown_apart(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    days = """1 | 2025-12-20 | view     | 1
              1 | 2026-01-20 | view     | 1
              1 | 2026-01-20 | purchase | 1
              2 | 2025-12-20 | purchase | 1
              3 | 2026-01-20 | view     | 1
              4 | 2025-12-20 | view     | 1
              4 | 2026-01-20 | view     | 1"""
    bank = make_bank(spark_session, tmp_path, persons=5, days=days)
    bank.run(JOB, LifecycleJobConfig(AIPL))
    stages = bank.rows(STAGE, "person_id", "stage")
    assert stages == [(1, "buyer"), (3, "aware"), (4, "aware")]
    flow = bank.rows(FLOW, "day_from", "stage_from", "stage_to", "persons")
    assert [row[1:] for row in flow] == [
        ("aware", "aware", 1),
        ("aware", "buyer", 1),
        ("buyer", "none", 1),
        ("new", "aware", 1),
        ("none", "none", 1),  # person 5 is known from a profile only
    ]
    assert {str(row[0]) for row in flow} == {"2026-01-01"}


def drawn_worlds(count: int = 80) -> list[tuple[dict[int, str], dict[int, str]]]:
    """Draw the stages of up to twelve persons on two days, as often as asked."""
    draw = random.Random(5)

    def stages() -> dict[int, str]:
        persons = draw.sample(range(1, 13), draw.randint(0, 12))
        return {person: draw.choice(["none", "aware", "buyer"]) for person in persons}

    return [(stages(), stages()) for _ in range(count)]


def test_start_is_stayed_moved_and_gone_exactly(spark_session: SparkSession) -> None:
    worlds = drawn_worlds()

    # one frame holds all worlds: a world has its own stages and its own thousand persons
    def rows(day: int) -> list[tuple[int, str]]:
        return [
            (1000 * world + person, f"{world}:{stage}")
            for world, days in enumerate(worlds)
            for person, stage in days[day].items()
        ]

    schema = "person_id bigint, stage string"
    start, end = (small_frame(spark_session, rows(day), schema) for day in (0, 1))
    flow = [row.asDict() for row in flow_between(start, end).collect()]
    leaving, arriving = Counter[str](), Counter[str]()
    for row in flow:
        leaving[row["stage_from"]] += row["persons"]
        arriving[row["stage_to"]] += row["persons"]
    assert leaving.pop("new") == sum(len(after.keys() - before.keys()) for before, after in worlds)
    gone = sum(len(before.keys() - after.keys()) for before, after in worlds)
    assert arriving.pop("gone") == gone
    assert leaving == Counter(stage for _, stage in rows(0))
    assert arriving == Counter(stage for _, stage in rows(1))
    # nobody goes from one world to another
    pairs = [(row["stage_from"], row["stage_to"]) for row in flow]
    moves = [pair for pair in pairs if pair[0] != "new" and pair[1] != "gone"]
    assert all(was.partition(":")[0] == now.partition(":")[0] for was, now in moves)
