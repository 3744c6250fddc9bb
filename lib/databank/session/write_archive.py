"""Write the archive of Spark's classes that later starts take: a minute, 200 MB.

python -m databank.session.write_archive
"""

import subprocess
import sys
from tempfile import TemporaryDirectory

from pyspark import SparkContext
from pyspark.sql import SparkSession

from databank.session.build import get_spark
from databank.session.class_archive import JAVA_OPTIONS, class_archive
from databank.session.jars import class_path

_FIRST_START = "from databank.session import get_spark; get_spark()"
_SMALL = {"spark.sql.shuffle.partitions": "1", "spark.sql.adaptive.enabled": "false"}


def write_archive() -> None:
    """Start Spark, use what every job uses, and have the JVM write the classes at its end."""
    if "spark.jars.packages" in class_path():
        # the archive is one of the jars in their place, where the first start of all brings them
        subprocess.run([sys.executable, "-c", _FIRST_START], check=True)
    archive = class_archive()
    written = archive.with_suffix(".new")
    # what runs once is not worth the better compiler
    dump = f'-XX:TieredStopAtLevel=1 "-XX:ArchiveClassesAtExit={written}" -Xlog:cds=off'
    spark = get_spark("class archive", **_SMALL, **{JAVA_OPTIONS: dump})
    with TemporaryDirectory() as folder:
        _use(spark, folder)
    gateway = SparkContext._gateway
    spark.stop()
    if gateway is not None:
        gateway.shutdown()
        # the JVM ends with its standard input, and writes the archive as it ends
        gateway.proc.stdin.close()
        gateway.proc.wait()
    written.replace(archive)


def _use(spark: SparkSession, folder: str) -> None:
    """Read, join, sort and write a few rows, so that the classes for it are loaded."""
    rows = spark.range(100).selectExpr("id", "id % 7 AS n", "named_struct('a', id) AS s")
    rows.drop("s").write.csv(f"{folder}/csv")
    rows.write.json(f"{folder}/json")
    rows.write.format("delta").save(f"{folder}/delta")
    rows.limit(10).createOrReplaceTempView("few")
    spark.sql(
        f"MERGE INTO delta.`{folder}/delta` t USING few ON t.id = few.id "
        "WHEN MATCHED THEN UPDATE SET n = 0 WHEN NOT MATCHED THEN INSERT *"
    )
    read = spark.read.schema("id bigint, n bigint")
    table = spark.read.format("delta").load(f"{folder}/delta")
    counts = table.groupBy("n").count().localCheckpoint()
    ranked = table.selectExpr("*", "row_number() OVER (PARTITION BY n ORDER BY id) AS r")
    joined = ranked.join(counts, "n").join(read.csv(f"{folder}/csv"), "id", "left_semi")
    joined.unionByName(joined).join(read.json(f"{folder}/json"), "id", "left_anti").collect()
    joined.toArrow()


if __name__ == "__main__":
    write_archive()
