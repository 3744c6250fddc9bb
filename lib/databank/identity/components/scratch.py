"""A scratch folder that all workers share, for tables that live no longer than they are needed."""

import atexit
import contextlib
import shutil
import uuid
from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession

from databank.session import shared_folder


class Scratch:
    """One run's folder of Parquet tables.

    A table written here cuts the lineage: what is read later is what was written, whatever the
    session does about caching, row order or adaptive execution.
    """

    def __init__(self, spark: SparkSession, root: str | None) -> None:
        self._spark = spark
        self.path = f"{root or shared_folder(spark)}/components-{uuid.uuid4().hex}"

    def write(self, frame: DataFrame, name: str) -> DataFrame:
        """Store the frame and return it read back."""
        # uncompressed and small row groups: written once, read once or twice, by all cores
        writer = frame.write.option("compression", "uncompressed")
        writer = writer.option("parquet.enable.dictionary", "false")
        writer.option("parquet.block.size", str(16 * 2**20)).parquet(f"{self.path}/{name}")
        return self._spark.read.schema(frame.schema).parquet(f"{self.path}/{name}")

    def remove(self, name: str = "") -> None:
        """Remove one table, or the whole folder."""
        _remover(self._spark, f"{self.path}/{name}".rstrip("/"))()

    def remove_at_exit(self) -> None:
        """Keep what is left until this process ends."""
        atexit.register(_remover(self._spark, self.path))


def _remover(spark: SparkSession, path: str) -> Callable[[], None]:
    scheme, _, rest = path.partition(":")
    if not rest or scheme == "file":
        local = rest.replace("//", "/") if scheme == "file" and rest else path
        return lambda: shutil.rmtree(local, ignore_errors=True)
    jvm, context = spark._jvm, spark.sparkContext._jsc
    assert jvm is not None
    target = jvm.org.apache.hadoop.fs.Path(path)
    system = target.getFileSystem(context.hadoopConfiguration())

    def remove() -> None:
        # a folder left behind is no reason to fail a run that is done
        with contextlib.suppress(Exception):
            system.delete(target, True)

    return remove
