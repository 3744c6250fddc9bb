"""Stages and the flow between two days."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings, strategies as st
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


STAGES = st.dictionaries(
    st.integers(1, 12), st.sampled_from(["none", "aware", "buyer"]), min_size=1, max_size=12
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=STAGES, after=STAGES)
def test_start_is_stayed_moved_and_gone_exactly(
    spark_session: SparkSession, before: dict[int, str], after: dict[int, str]
) -> None:
    schema = "person_id bigint, stage string"
    start, end = (small_frame(spark_session, d.items(), schema) for d in (before, after))
    flow = flow_between(start, end).collect()
    for stage in ("none", "aware", "buyer"):
        left = sum(row["persons"] for row in flow if row["stage_from"] == stage)
        came = sum(row["persons"] for row in flow if row["stage_to"] == stage)
        assert left == list(before.values()).count(stage)
        assert came == list(after.values()).count(stage)
    new = sum(row["persons"] for row in flow if row["stage_from"] == "new")
    assert new == len(after.keys() - before.keys())
