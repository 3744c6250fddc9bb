"""Settings of a session that hold for a block."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyspark.sql import SparkSession


@contextmanager
def with_settings(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """Set a session up for a block, and as it was before behind it."""
    former = {key: spark.conf.get(key, None) for key in settings}
    for key, value in settings.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, setting in former.items():
            if setting is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, setting)
