"""A new job is a step with its tables, and one line in the registry."""

import sys
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pyspark.sql import SparkSession, functions as F
from scripts.reference import jobs_page

from databank.archive.tables import PERSON_DAY
from databank.cli.main import exit_code
from databank.project.catalog import describe_table
from databank.project.execute import execute
from databank.project.jobs import JOBS, JobEntry
from databank.project.load import load_project
from databank.project.plan import plan_all, plan_job
from databank.runs import Context, Job, StepResult
from databank.tables import Column, TableSpec
from tests.support.bank import make_bank

CONF = Path(__file__).parents[3] / "conf"
ACTIVE = TableSpec(
    name="toy.active_days",
    grain="one row per person",
    owner="count_active_days",
    key=("person_id",),
    columns=(Column("person_id", "bigint", "person"), Column("days", "bigint", "days with events")),
)


def count_active_days(context: Context, config: int) -> StepResult:
    days = context.store.read(PERSON_DAY).groupBy("person_id").agg(F.count_distinct("day"))
    context.store.replace(ACTIVE, days.toDF("person_id", "days").where(F.col("days") >= config))
    return StepResult({"least days": config})


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    build, tables = ModuleType("toy.build"), ModuleType("toy.tables")
    build.JOB = Job("count_active_days", count_active_days, (ACTIVE,))  # type: ignore[attr-defined]
    tables.ACTIVE = ACTIVE  # type: ignore[attr-defined]
    tables.__spec__ = build.__spec__ = sys.__spec__
    for module in (ModuleType("toy"), build, tables):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    # the one line
    monkeypatch.setitem(
        JOBS,
        "count_active_days",
        JobEntry("Count days.", "toy.build", lambda project: 2, reads=("archive.person_day",)),
    )


def test_it_is_planned_after_what_it_reads() -> None:
    steps = [step.job for step in plan_all(load_project(CONF), None)]
    assert steps.index("count_active_days") > steps.index("build_archive")


def test_it_is_named_where_it_is_misspelled(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["run", "count_activ_days", "--date", "2026-03-31", "--conf-dir", str(CONF)]
    assert exit_code(line) == 2
    assert "did you mean 'count_active_days'" in capsys.readouterr().err


def test_it_runs_and_publishes(
    spark_session: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = "1 | 2026-01-01 | login | 1\n1 | 2026-01-02 | login | 1\n2 | 2026-01-02 | login | 1"
    bank = make_bank(spark_session, tmp_path, persons=2, days=days, on_disk=True)
    project: Any = load_project(CONF)
    steps = plan_job("count_active_days", project, None)
    [outcome] = execute(project, steps, root=bank.root, day=date(2026, 1, 31))
    assert outcome.summary == {"least days": 2}
    assert bank.rows(ACTIVE, "person_id", "days") == [(1, 2)]


def test_it_is_in_the_reference() -> None:
    assert [row["column"] for row in describe_table("toy.active_days")] == ["person_id", "days"]
    assert "## count_active_days\n\nCount days." in jobs_page()
    assert "- writes: `toy.active_days`" in jobs_page()
