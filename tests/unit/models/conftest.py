"""One small bank for all tests of models."""

import pytest
from pyspark.sql import SparkSession

from databank.tables import DeltaStore
from tests.unit.models.world import planted_days, publish_world


@pytest.fixture(scope="session")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DeltaStore:
    store = DeltaStore(spark_session, str(tmp_path_factory.mktemp("bank")))
    publish_world(store, planted_days())
    return store
