"""One Spark session for the whole run; pytest-spark's fixture returns it."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from pyspark.sql import SparkSession

from databank.session import get_spark, stop_spark

# a shared machine is no reason to fail, and a failure must come back on the next run
settings.register_profile(
    "databank", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("databank")

# hundreds of small tables pass by, and none of them comes back
# code that runs for a moment is not worth C2's deep inlining: it took half of the tests' CPU
_INLINE = "-XX:FreqInlineSize=100 -XX:MaxInlineLevel=6 -XX:InlineSmallCode=800"
_JAVA = f"-Ddelta.log.cacheSize=32 -Xms2g -XX:+UseParallelGC {_INLINE}"


@pytest.fixture(scope="session", autouse=True)
def _databank_session() -> Iterator[SparkSession]:
    # made before pytest-spark's own, which then hands out this one
    jar = os.environ.get("DATABANK_GRAPHFRAMES_JAR")
    spark = get_spark(
        "databank-tests",
        **({"spark__jars": jar} if jar else {}),
        spark__driver__memory="3g",
        spark__driver__extraJavaOptions=_JAVA,
        spark__sql__shuffle__partitions=2,
        spark__default__parallelism=2,
        spark__sql__adaptive__enabled="true",
    )
    yield spark
    stop_spark()


@pytest.fixture
def touched_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small as the banks of tests are, persons follow what is touched, as in a large one."""
    monkeypatch.setattr("databank.identity.scope.basis.SMALL", 0)


@pytest.fixture(scope="session")
def spark_session(_databank_session: SparkSession) -> SparkSession:
    return _databank_session
