"""A crash in a job, at a table that it writes or at any moment: the next run leaves no trace."""

import contextlib
import shutil
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.project.execute import execute
from databank.project.jobs import load_job
from databank.project.model import Project
from databank.project.plan import Step, plan_all
from databank.tables import DeltaStore
from tests.flow.conftest import FIXED_BANK, FIXED_DAY
from tests.support.compare import content
from tests.support.kills import Killer

pytestmark = pytest.mark.nightly

CRASHED = {"ingest", "resolve_identity", "build_archive"}


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
            continue
        crashed.add(step.job)
        assert [o.outcome for o in execute(project, [step], root=str(root), day=day)] == ["done"]
    return crashed


def test_jobs_that_write_several_tables(
    spark_session: SparkSession,
    fixed_project: Project,
    fixed_bank: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those on which all others stand; scripts/check_crash --points crashes every job."""
    root = tmp_path / "crashed"
    shutil.copytree(FIXED_BANK / "landing", root / "landing")
    steps = [step for step in plan_all(fixed_project, None) if step.job in CRASHED]
    assert crash_and_run(fixed_project, steps, root, FIXED_DAY, monkeypatch) == CRASHED
    crashed, undisturbed = (
        content(DeltaStore(spark_session, str(each))) for each in (root, fixed_bank)
    )
    # some of them this bank has no configuration for
    made = {spec.name for job in CRASHED for spec in load_job(job).tables} & undisturbed.keys()
    assert {name: crashed.get(name) for name in made} == {name: undisturbed[name] for name in made}


@pytest.mark.process
def test_jobs_that_are_killed_at_any_moment(fixed_project: Project, tmp_path: Path) -> None:
    """Two of them, once each; scripts/check_crash --kills kills all, fifty times."""
    root = tmp_path / "root"
    shutil.copytree(FIXED_BANK / "landing", root / "landing")
    steps = [
        step for step in plan_all(fixed_project, None) if step.job in ("ingest", "resolve_identity")
    ]
    killer = Killer(FIXED_BANK / "conf", str(FIXED_DAY), tmp_path)
    kills = list(killer.at_random(steps, root, kills=2, seed=20260131))
    assert [(kill.job, kill.verdict) for kill in kills] == [(step.job, "") for step in steps]
