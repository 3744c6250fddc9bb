"""One Spark session for all tests that ask for one; which worker runs what, and how long it may."""

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest_plugins = ["tests.support.schedule"]

# a shared machine is no reason to fail, and a failure must come back on the next run
settings.register_profile(
    "databank", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("databank")

# a main module without a file, as xdist has, is for pyspark a run of its own doctests: it exits
if not hasattr(main := sys.modules["__main__"], "__file__"):
    main.__file__ = __file__

# hundreds of small tables pass by; those of a loop's bank come back
# much code runs for a moment, comes back and is never hot: C2 took half of the time, and code that
# was flushed was compiled again, three times over
_CODE = "-XX:TieredStopAtLevel=1 -XX:-UseCodeCacheFlushing -XX:ReservedCodeCacheSize=600m"
# its classes grow to half of this, and each growth was a collection of all there is
_CODE += " -XX:MetaspaceSize=512m"
_JAVA = f"-Ddelta.log.cacheSize=100 -Xms2g -XX:+UseParallelGC {_CODE}"

# to write code for plans that see ten rows, and to plan them anew after each stage, takes longer
# than all they do; the tests of processes and of a cluster, and those of real data, do both
_SMALL = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}


@pytest.fixture(scope="session")
def spark_session() -> "Iterator[SparkSession]":
    """The session of this process; a test that does not ask for it starts no JVM."""
    from databank.session import get_spark, stop_spark

    jar = os.environ.get("DATABANK_GRAPHFRAMES_JAR")
    yield get_spark(
        "databank-tests",
        **({"spark__jars": jar} if jar else {}),
        spark__driver__memory="4g",
        spark__driver__extraJavaOptions=_JAVA,
        spark__sql__shuffle__partitions=2,
        spark__default__parallelism=2,
        # VACUUM lists the folders of a table in as many tasks
        spark__sql__sources__parallelPartitionDiscovery__parallelism=2,
        **_SMALL,
    )
    stop_spark()


@pytest.fixture
def affected_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small as the banks of tests are, persons follow what is affected, as in a large one."""
    monkeypatch.setattr("databank.identity.incremental.state.FULL_SOLVE_BELOW", 0)


@pytest.fixture
def planned_for_many(spark_session: "SparkSession") -> Iterator[None]:
    """Plans as users have them: of real data, they take a part of the time."""
    before = {key: str(spark_session.conf.get(key)) for key in _SMALL}
    for key in _SMALL:
        spark_session.conf.unset(key)
    yield
    for key, value in before.items():
        spark_session.conf.set(key, value)
