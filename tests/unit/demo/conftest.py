"""One small generated world for the run, and single blocks without Spark."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.demo.block import PersonBlock, simulate
from databank.demo.config import Dirt, WorldSettings, load_dirt
from databank.demo.generate import generate

DIRT_FILE = Path(__file__).parents[3] / "conf" / "dirt.yml"


@pytest.fixture(scope="session")
def dirt() -> Dirt:
    return load_dirt(DIRT_FILE)


@pytest.fixture(scope="session")
def settings(dirt: Dirt) -> WorldSettings:
    return WorldSettings(persons=300, seed=11, days=14, dirt=dirt)


@pytest.fixture(scope="session")
def counts_and_world(
    spark_session: SparkSession, settings: WorldSettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, int], Path]:
    root = tmp_path_factory.mktemp("world")
    return generate(spark_session, str(root), settings), root


@pytest.fixture(scope="session")
def world(counts_and_world: tuple[dict[str, int], Path]) -> Path:
    return counts_and_world[1]


@pytest.fixture(scope="session")
def block_with(dirt: Dirt) -> Callable[..., PersonBlock]:
    """A simulated block of 1,000 persons whose dirt differs by the given rates."""

    def simulated(**rates: float) -> PersonBlock:
        changed = Dirt.model_validate({**dirt.model_dump(), **rates})
        return simulate(WorldSettings(persons=1000, seed=5, dirt=changed), 0)

    return simulated
