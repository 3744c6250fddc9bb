"""Whether the JVM of this process lives."""

from typing import Any

from pyspark import SparkContext

from databank.session.spark_log import spark_log


def ended_jvm() -> str | None:
    """Tell the operator that the JVM ended under the work; None while it lives, or is elsewhere."""
    gateway: Any = SparkContext._gateway
    process = getattr(gateway, "proc", None)
    if process is None or process.poll() is None:
        return None
    return (
        f"Spark's JVM ended in the middle of the work: killed, or out of memory (its log: "
        f"{spark_log()}); what was not published is taken back by the next run: run it again, with "
        "more memory if it happens again (spark: {spark.driver.memory: 8g} in conf/databank.yml)"
    )
