"""A session that runs already: what it was given stays, but for what results lean on."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from databank.session import get_spark
from databank.session.build import _with_delta

_TUNED, _ZONE = "spark.sql.shuffle.partitions", "spark.sql.session.timeZone"


@pytest.fixture
def running(spark_session: SparkSession) -> Iterator[SparkSession]:
    before = {key: spark_session.conf.get(key) for key in (_TUNED, _ZONE)}
    yield spark_session
    for key, value in before.items():
        spark_session.conf.set(key, value or "")


def test_tuning_stays_and_days_are_those_of_utc(running: SparkSession) -> None:
    running.conf.set(_TUNED, "3")
    running.conf.set(_ZONE, "Asia/Shanghai")
    spark = get_spark("databank")
    assert (spark.conf.get(_TUNED), spark.conf.get(_ZONE)) == ("3", "UTC")


def test_options_given_by_name_win(running: SparkSession) -> None:
    assert get_spark("databank", **{_TUNED: "5"}).conf.get(_TUNED) == "5"


def test_delta_comes_beside_the_extensions_of_a_cluster() -> None:
    delta = "io.delta.sql.DeltaSparkSessionExtension"
    assert _with_delta("") == delta
    assert _with_delta("org.Sedona") == f"org.Sedona,{delta}"
    assert _with_delta(f"{delta},org.Sedona") == f"{delta},org.Sedona"
