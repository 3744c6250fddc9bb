"""Build the Spark session: Delta, UTC, and a profile that suits the machine."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from databank.config import Settings
from databank.config.spark_options import full_name, given_options
from databank.errors import DataBankError
from databank.session.class_archive import archive_options
from databank.session.jars import class_path, jar_options
from databank.session.jvm import cache_classes
from databank.session.spark_faults import mute_loggers
from databank.session.spark_log import spark_log, start_jvm

_EXTENSIONS = "spark.sql.extensions"
_DELTA = {
    _EXTENSIONS: "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # deletion vectors stay off: readers outside Spark refuse them
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
}
# results lean on these: they win over what a cluster has by default
_MEANING = {
    # lower() and upper() by ICU took nearly half of the time of parsing
    "spark.sql.icu.caseMappings.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
}
_ALWAYS = {
    # unset, it is looked up in the environment for each entry of an array or map
    "spark.sql.types.framework.enabled": "false",
    # the JVM never compiles a longer method: Spark then splits the expressions instead
    "spark.sql.codegen.hugeMethodLimit": "8000",
    # a loop compiles some 1,500 queries: with the default of 100 none is found again
    "spark.sql.codegen.cache.maxEntries": "4000",
    # which line of Python made a column costs three calls of the JVM for each
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # nobody reads the text of the plans: to write it took seconds of every run
    "spark.sql.debug.maxToStringFields": "4",
    "spark.sql.maxPlanStringLength": "4096",
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.ui.retainedExecutions": "20",
    # a write by partition keeps its few files open instead of sorting the rows first
    "spark.sql.maxConcurrentOutputFileWriters": "8",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.adaptive.enabled": "true",
    # statistics for file skipping come with every write; these two only add small commits
    "spark.databricks.delta.autoCompact.enabled": "false",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
}
# lists of jars, by what stands between them
_BESIDE = {"spark.jars": ",", "spark.jars.packages": ",", "spark.driver.extraClassPath": os.pathsep}
# small tables are slow under defaults meant for clusters
_LOCAL = {
    # short pauses are of no use to a batch
    "spark.driver.extraJavaOptions": "-XX:+UseParallelGC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.files.maxPartitionBytes": "64m",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.files.openCostInBytes": "1m",
    "spark.default.parallelism": "4",
    "spark.shuffle.compress": "true",
}


def get_spark(app_name: str = "databank", **conf: Any) -> SparkSession:
    """Give the Spark session of this process.

    Under spark-submit, and where a session runs already, master, memory and jars are those given
    there, and so is all else but what results lean on: Delta, UTC. Elsewhere an embedded `local`
    session is made, with two tries a task. Options given here win over all.

    Args:
        app_name: Shown in the Spark UI.
        **conf: Spark options; dots may be written as double underscores. Those of the command line
            win over them.

    Raises:
        DataBankError: If Java is absent or too old, or the jars cannot be had.
    """
    # Python workers take `python3` from PATH unless told otherwise
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    given = {full_name(key): str(value) for key, value in conf.items()} | given_options()
    running = _running()
    if running is None:
        _require_java()
        one_process = given.get("spark.master", "local").startswith("local")
        jars = class_path() if one_process else jar_options()
        options = _DELTA | _MEANING | _ALWAYS | _LOCAL | _local_size() | jars | archive_options()
        present = options
    else:
        local = running.get("spark.master", "").startswith("local[")
        wanted = _ALWAYS | (_LOCAL if local else {})
        options = {key: value for key, value in wanted.items() if not running.contains(key)}
        present = dict(running.getAll())
        options |= _DELTA | _MEANING | {_EXTENSIONS: _with_delta(present.get(_EXTENSIONS, ""))}
    for key, separator in _BESIDE.items():
        # jars asked for come beside Delta's, not instead of them
        if key in given and key in present:
            given[key] = f"{present[key]}{separator}{given[key]}"
    builder = SparkSession.builder.appName(app_name)
    for key, value in (options | given).items():
        builder = builder.config(key, value)
    try:
        if running is None:
            options |= {"spark.local.dir": _own_folder()}
            start_jvm(options | given | {"spark.app.name": app_name})
        spark = builder.getOrCreate()
    except Exception as error:
        raise _start_error(error) from error
    spark.sparkContext.setLogLevel("ERROR")
    mute_loggers()
    cache_classes()
    return spark


def open_session(settings: Settings) -> SparkSession:
    """Give the session for a bank: what it writes from now on is for whom its settings say.

    The mask of this process holds for the JVM and the workers that it starts, too.

    Raises:
        DataBankError: As `get_spark` does.
    """
    os.umask(settings.umask)
    mask = {"spark.hadoop.fs.permissions.umask-mode": f"{settings.umask:03o}"}
    return get_spark("databank", **mask, **settings.spark)


def submit_options() -> dict[str, str]:
    """Give the options that spark-submit needs at once; the session sets the rest."""
    return _DELTA | jar_options() | archive_options()


def stop_spark() -> None:
    """Stop the session of this process, if there is one."""
    spark = SparkSession.getActiveSession()
    if spark is not None:
        spark.stop()


def _running() -> SparkConf | None:
    """Tell what the context of this process, or spark-submit, was given; None where neither is."""
    if SparkContext._active_spark_context is not None:
        return SparkContext._active_spark_context.getConf()
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return None
    # without a gateway SparkConf is empty
    SparkContext._ensure_initialized()
    return SparkConf()


def _with_delta(extensions: str) -> str:
    delta = _DELTA[_EXTENSIONS]
    return extensions if delta in extensions else ",".join(filter(None, [extensions, delta]))


def _own_folder() -> str:
    """Make a folder for what Spark spills and shuffles that nobody else may read."""
    folder = tempfile.mkdtemp(prefix="databank-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _local_size() -> dict[str, str]:
    """Give the cores of this machine (two tries a task) and a third of its memory, 2-6 GiB."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    memory = max(2048, min(6144, total // 3))
    return {"spark.master": f"local[{cores or 2},2]", "spark.driver.memory": f"{memory}m"}


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if not java or not os.path.exists(java):
        where = f"JAVA_HOME={home} has no bin/java" if home else "no `java` on PATH"
        raise DataBankError(f"Java: {where}; install Java 17 or 21 and set JAVA_HOME")
    version = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    digits = version.partition('"')[2].partition(".")[0].partition('"')[0]
    if digits.isdigit() and int(digits) < 17:
        raise DataBankError(f"Java {digits} is too old for Spark 4; install Java 17 or 21")


def _start_error(error: Exception) -> Exception:
    text = str(error)
    if isinstance(error, PySparkException) and "JAVA_GATEWAY_EXITED" in text:
        return DataBankError(
            f"Spark did not start (its log: {spark_log()}); if jars could not be downloaded, this "
            "first start needs the network, or a folder of jars named by DATABANK_JARS; a ~/.m2 "
            "that holds poms without jars must be moved away"
        )
    return error
