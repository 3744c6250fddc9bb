"""A crash in any job, when its first table is written: the next run leaves no trace of it."""

import contextlib
import shutil
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.project.execute import execute
from databank.project.jobs import JOBS, load_job
from databank.project.model import Project
from databank.project.plan import Step, plan_all
from databank.tables import DeltaStore
from tests.flow.conftest import DAY, FIXED_BANK, FIXED_DAY, halves
from tests.support.compare import content
from tests.support.kills import Killer

pytestmark = pytest.mark.nightly

# what the fixed bank has no configuration for, and so is crashed in the loop
OF_MODELS = {"train_model", "score_model", "expand_lookalike"}
KILLED_AT_RANDOM = {"ingest", "resolve_identity", "build_archive"}


class InjectedError(Exception):
    """Raised by a fault point."""


def crash_and_run(
    project: Project, steps: list[Step], root: Path, day: date, patch: pytest.MonkeyPatch
) -> set[str]:
    """Run steps, each of which crashes at first; returns the jobs that did."""
    crashed = set()
    for step in steps:
        # some of its tables are written by then, and some are not
        points = {f"after:{table.name}" for table in load_job(step.job).tables}

        def fail(at: str, points: set[str] = points) -> None:
            if at in points:
                raise InjectedError(at)

        with patch.context() as within, contextlib.suppress(InjectedError):
            within.setattr(DeltaStore, "fault", staticmethod(fail))
            execute(project, [step], root=str(root), day=day)
            continue  # the report has no table to crash before
        crashed.add(step.job)
        assert [o.outcome for o in execute(project, [step], root=str(root), day=day)] == ["done"]
    return crashed


def test_jobs_that_need_no_model(
    spark_session: SparkSession,
    fixed_project: Project,
    fixed_bank: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = tmp_path / "crashed"
    shutil.copytree(FIXED_BANK / "landing", root / "landing")
    steps = plan_all(fixed_project, None)
    crashed = crash_and_run(fixed_project, steps, root, FIXED_DAY, monkeypatch)
    with_tables = {job for job in JOBS if load_job(job).tables}
    # a bank without rules of linkage has no job for them
    assert crashed == with_tables - OF_MODELS - {"link_profiles"}
    stores = [DeltaStore(spark_session, str(each)) for each in (root, fixed_bank)]
    assert content(stores[0]) == content(stores[1])


def test_jobs_of_models(
    spark_session: SparkSession,
    project: Project,
    loop_begun: Path,
    loop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = tmp_path / "crashed"
    shutil.copytree(loop_begun, root)
    _, steps = halves(project)
    last = max(n for n, step in enumerate(steps) if step.job == "expand_lookalike")
    for step in steps[: last + 1]:
        if step.job in OF_MODELS:
            assert crash_and_run(project, [step], root, DAY, monkeypatch) == {step.job}
        else:
            execute(project, [step], root=str(root), day=DAY)
    stores = [DeltaStore(spark_session, str(each)) for each in (root, loop)]
    assert content(stores[0]) == content(stores[1])


@pytest.mark.process
def test_kills_at_random_moments(fixed_project: Project, tmp_path: Path) -> None:
    """A handful; scripts/check_crash kills as often as one likes, in all jobs."""
    bank = tmp_path / "bank"
    shutil.copytree(FIXED_BANK / "landing", bank / "landing")
    steps = [step for step in plan_all(fixed_project, None) if step.job in KILLED_AT_RANDOM]
    killer = Killer(FIXED_BANK / "conf", str(FIXED_DAY), tmp_path)
    kills = list(killer.at_random(steps, bank, kills=3, seed=20))
    assert [kill for kill in kills if kill.verdict] == []
    assert sum(kill.was_killed for kill in kills) >= 1
