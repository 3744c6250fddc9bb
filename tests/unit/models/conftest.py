"""One small bank in memory for all tests of models."""

import pytest
from pyspark.sql import SparkSession

from tests.support.memory_store import MemoryStore
from tests.unit.models.world import planted_days, publish_world


@pytest.fixture(scope="session")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> MemoryStore:
    store = MemoryStore(spark_session, tmp_path_factory.mktemp("bank"))
    publish_world(store, planted_days())
    return store
