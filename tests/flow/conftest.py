"""A small generated world with the whole loop run on it once, and a bank that is smaller still."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.demo.config import WorldSettings, load_dirt
from databank.demo.generate import generate
from databank.project import Project, load_project
from databank.project.execute import execute
from databank.project.plan import Step, plan_all

HERE = Path(__file__).parents[2]
DAY = date(2026, 3, 31)
FIXED_BANK = Path(__file__).parents[1] / "support" / "fixed_bank"
FIXED_DAY = date(2026, 1, 31)


@pytest.fixture(scope="session")
def project() -> Project:
    return load_project(HERE / "conf")


@pytest.fixture(scope="session")
def world(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Landing files, arrivals and truth; copied by the tests that run on them."""
    root = tmp_path_factory.mktemp("world")
    # the bot of a tiny world would be most of it
    dirt = load_dirt(str(HERE / "conf" / "dirt.yml")).model_copy(update={"bots_per_10k": 0})
    generate(spark_session, str(root), WorldSettings(persons=1000, seed=7, dirt=dirt))
    return root


@pytest.fixture(scope="session")
def loop(project: Project, world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse after the whole loop of one day."""
    root = tmp_path_factory.mktemp("loop") / "root"
    shutil.copytree(world, root)
    run(project, plan_all(project, None), root)
    return root


def run(project: Project, steps: list[Step], root: Path, day: date = DAY) -> None:
    outcomes = execute(project, steps, root=str(root), day=day)
    assert {outcome.outcome for outcome in outcomes} == {"done"}


@pytest.fixture(scope="session")
def fixed_project() -> Project:
    return load_project(FIXED_BANK / "conf")


@pytest.fixture(scope="session")
def fixed_bank(
    spark_session: SparkSession, fixed_project: Project, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A warehouse of a few persons after all jobs that need no model."""
    root = tmp_path_factory.mktemp("fixed") / "root"
    shutil.copytree(FIXED_BANK / "landing", root / "landing")
    run(fixed_project, plan_all(fixed_project, None), root, FIXED_DAY)
    return root
