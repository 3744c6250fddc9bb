"""Delta's jars: resolved once into an own folder, taken from there ever after.

Spark resolves `spark.jars.packages` anew at each start (seconds, and it needs the network). The
first start here resolves into databank's own Ivy folder; later starts name the files themselves.
"""

import os
from pathlib import Path

DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
_NEEDED = (
    "io.delta_delta-spark_4.2_2.13-4.4.0.jar",
    "io.delta_delta-storage-4.4.0.jar",
    "io.delta_delta-kernel-api-4.4.0.jar",
    "io.delta_delta-kernel-defaults-4.4.0.jar",
    "io.delta_delta-kernel-unitycatalog-4.4.0.jar",
    "io.unitycatalog_unitycatalog-client-0.6.0.jar",
    "io.unitycatalog_unitycatalog-hadoop-0.6.0.jar",
)
# what Spark ships already, or Delta needs for formats databank does not use
_EXCLUDED = (
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
    "org.antlr:antlr4-runtime",
    "org.slf4j:slf4j-api",
    "commons-logging:commons-logging",
    "commons-pool:commons-pool",
    "org.xerial.snappy:snappy-java",
    "com.github.luben:zstd-jni",
    "com.fasterxml.jackson.core:jackson-annotations",
    "com.fasterxml.jackson.core:jackson-core",
    "com.fasterxml.jackson.core:jackson-databind",
    "com.fasterxml.jackson.datatype:jackson-datatype-jdk8",
    "com.fasterxml.jackson.datatype:jackson-datatype-jsr310",
    "com.google.code.findbugs:jsr305",
    "io.airlift:aircompressor",
    "javax.annotation:javax.annotation-api",
    "jakarta.annotation:jakarta.annotation-api",
    "org.apache.logging.log4j:log4j-api",
    "org.apache.logging.log4j:log4j-core",
    "org.apache.logging.log4j:log4j-slf4j2-impl",
    "org.apache.parquet:parquet-column",
    "org.apache.parquet:parquet-common",
    "org.apache.parquet:parquet-encoding",
    "org.apache.parquet:parquet-format-structures",
    "org.apache.parquet:parquet-hadoop",
    "org.apache.parquet:parquet-jackson",
    "org.locationtech.jts:jts-core",
    "org.roaringbitmap:RoaringBitmap",
    "org.roaringbitmap:shims",
)


def jar_folder() -> Path:
    """Give the folder of the jars: DATABANK_JARS, else the user's cache folder."""
    named = os.environ.get("DATABANK_JARS")
    return Path(named) if named else Path.home() / ".cache" / "databank" / "jars"


def jar_options() -> dict[str, str]:
    """Give the Spark options that load Delta; the network is used only where it is needed."""
    folder, jars = jar_folder(), _jars()
    if jars:
        return {"spark.jars": ",".join(jars)}
    return {
        "spark.jars.packages": DELTA,
        "spark.jars.ivy": str(folder),
        "spark.jars.excludes": ",".join(_EXCLUDED),
    }


def class_path() -> dict[str, str]:
    """Give them for a Spark in one process, where jars need not be copied to executors."""
    jars = _jars()
    return {"spark.driver.extraClassPath": os.pathsep.join(jars)} if jars else jar_options()


def _jars() -> list[str]:
    """Name the jars; none where one of them is not there."""
    paths = [jar_folder() / "jars" / name for name in _NEEDED]
    return [str(path) for path in paths] if all(path.exists() for path in paths) else []
