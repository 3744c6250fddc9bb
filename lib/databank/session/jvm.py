"""The JVM of this process: whether it lives, and its classes that PySpark calls again and again."""

from contextlib import suppress
from subprocess import TimeoutExpired
from typing import Any

from py4j.java_gateway import JavaClass, JavaMember
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark import SparkContext

from databank.session.spark_log import spark_log

# what PySpark looks up by name at each call of a function or method; to find that no package of
# its imports has such a class, the JVM searches all jars
_LOOKED_UP = (
    "PythonSQLUtils",
    "PythonUtils",
    "functions",
    "org.apache.spark.sql.classic.SparkSession",
    "org.apache.spark.sql.functions",
)
_LONGEST_END = 5.0  # seconds that a killed process takes to end


class _CachedClass(JavaClass):  # type: ignore[misc]  # py4j has no types
    """A class whose static methods are looked up once."""

    def __getattr__(self, name: str) -> Any:
        member = super().__getattr__(name)
        if isinstance(member, JavaMember):
            self.__dict__[name] = member
        return member


def cache_classes() -> None:
    """Look up once what PySpark looks up at each call: a third of its calls of the JVM."""
    jvm: Any = SparkContext._jvm
    for name in _LOOKED_UP:
        if name not in vars(jvm):
            java_class = getattr(jvm, name)
            setattr(jvm, name, _CachedClass(java_class._fqn, java_class._gateway_client))


def ended_jvm(error: Exception) -> str | None:
    """Tell the operator that the JVM ended under the work; None while it lives, or is elsewhere.

    Args:
        error: What came of a call: a connection breaks before the process has ended.
    """
    gateway: Any = SparkContext._gateway
    process = getattr(gateway, "proc", None)
    if process is None:
        return None
    if isinstance(error, ConnectionError | Py4JError) and not isinstance(error, Py4JJavaError):
        with suppress(TimeoutExpired):
            process.wait(_LONGEST_END)
    if process.poll() is None:
        return None
    return (
        f"Spark's JVM ended in the middle of the work: killed, or out of memory (its log: "
        f"{spark_log()}); what was not published is taken back by the next run: run it again, with "
        "more memory if it happens again (spark: {spark.driver.memory: 8g} in conf/databank.yml)"
    )
