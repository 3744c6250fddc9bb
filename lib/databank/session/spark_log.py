"""Where Spark's own messages go: a log file, so that progress lines stand alone on the screen.

The JVM of an embedded session, and the resolution of jars before it, write to the log for as long
as the process lives. Under spark-submit the operator's log settings hold.
"""

import tempfile
from pathlib import Path

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway

_LARGEST = 5_000_000  # bytes; a longer log is begun again


def spark_log() -> Path:
    """Name the log file: in the user's cache folder, else in the temp folder."""
    folder = Path.home() / ".cache" / "databank"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "spark.log").open("a").close()
    except OSError:
        return Path(tempfile.gettempdir()) / "databank-spark.log"
    return folder / "spark.log"


def start_jvm(options: dict[str, str]) -> None:
    """Start the JVM of this process, its output in the log file; nothing if it runs already.

    Raises:
        PySparkRuntimeError: If the JVM ends before it is ready.
    """
    if SparkContext._gateway is not None:
        return
    log = spark_log()
    long = log.exists() and log.stat().st_size > _LARGEST
    conf = SparkConf(loadDefaults=False).setAll(list(options.items()))
    with log.open("w" if long else "a") as file:
        output = {"stdout": file, "stderr": file}
        gateway = launch_gateway(conf, output)  # type: ignore[no-untyped-call]
    SparkContext._ensure_initialized(gateway=gateway)
