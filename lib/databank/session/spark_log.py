"""Where Spark's own messages go: a log file, so that progress lines stand alone on the screen.

The JVM of an embedded session, and the resolution of jars before it, write to the log for as long
as the process lives. Texts of errors are left out: Spark writes values of the data into them. Under
spark-submit the operator's log settings hold.
"""

import tempfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway

_LARGEST = 5_000_000  # bytes; a longer log is begun again


def spark_log() -> Path:
    """Name the log file: in the user's cache folder, else in the temp folder."""
    folder = Path.home() / ".cache" / "databank"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "spark.log").open("a").close()
        (folder / "spark.log").chmod(0o600)
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
    _leave_out_errors(gateway.jvm)
    SparkContext._ensure_initialized(gateway=gateway)


def _leave_out_errors(jvm: Any) -> None:
    with as_file(files(__package__).joinpath("log4j2.properties")) as path:
        location = jvm.java.net.URI.create(path.resolve().as_uri())
        jvm.org.apache.logging.log4j.core.config.Configurator.reconfigure(location)
