"""What errors of Spark say, without the values of the data that they met.

Spark writes the value that it could not read into the text of an error, and loggers repeat it. An
error that goes to a screen, a log or ops.run names the condition, the types and the expression.
"""

import logging
import re
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark import SparkContext
from pyspark.errors import AnalysisException, PySparkException

# pyspark writes each error of a query to these as JSON, with its values
_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
# parameters of errors that tell of types and functions; all others may be values
_TYPES = ("functionName", "func", "sourceType", "targetType", "inputType", "dataType", "parameter")
# SQLSTATE: data exceptions, and keys that are there already
_OF_DATA = ("22", "23")
# such conditions have the class of a syntax error
_OF_DATA_TOO = ("INVALID_FORMAT",)
# Spark's name for raise_error() in a query
_RAISED = "USER_RAISED_EXCEPTION"
# lines of a stack: where, and no text of data
_PLACE = re.compile(r'^\s+(at [\w.$<>/]+\([\w.$: ]*\)|File "[^"]+", line \d+, in \S+)$')
_MOST_PLACES = 40
# what the machine lacks, which the texts of errors tell
_OF_MACHINE = ("No space left on device", "Java heap space", "GC overhead limit exceeded")


class UnexpectedSparkError(RuntimeError):
    """An error of Spark that is no fault of the operator's; its text holds no value of data."""


@dataclass(frozen=True)
class SparkFault:
    """An error of Spark, as far as it may be shown.

    Attributes:
        condition: Its name, e.g. CAST_INVALID_INPUT; else the class of the error.
        state: SQLSTATE; '' = none.
        types: Types and functions that it names.
        expression: The part of a SQL expression that met the value; '' = not known.
        raised: Text of a raise_error() of databank; '' = it is none.
    """

    condition: str
    state: str = ""
    types: tuple[str, ...] = ()
    expression: str = ""
    raised: str = ""

    @property
    def of_data(self) -> bool:
        """Tell whether a value of the data is what an expression could not take."""
        return self.state.startswith(_OF_DATA) or self.condition.startswith(_OF_DATA_TOO)

    def __str__(self) -> str:
        types = f" ({', '.join(self.types)})" if self.types else ""
        where = f" in `{' '.join(self.expression.split())}`" if self.expression else ""
        return f"[{self.condition}]{types}{where}"


def mute_loggers() -> None:
    """Keep pyspark from writing errors, and the values in them, to stderr."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def read_fault(error: PySparkException | Py4JJavaError) -> SparkFault:
    """Read what may be shown of an error; of one that wraps another, what the other tells."""
    if isinstance(error, Py4JJavaError):
        return _of_java(error.java_exception)
    origin = getattr(error, "_origin", None)
    if origin is not None:
        return _of_java(origin)
    state, parameters = error.getSqlState() or "", error.getMessageParameters() or {}
    return SparkFault(error.getCondition() or type(error).__name__, state, _shown(parameters))


def analysis_reason(error: AnalysisException) -> str:
    """Give the first line of what the analyser says: it speaks of the query, not of its data."""
    return (str(error).strip().splitlines() or [""])[0]


def without_values(error: PySparkException | Py4JJavaError) -> UnexpectedSparkError:
    """Make an error that says where Spark failed, and what of, but not on which value."""
    text = str(error)
    lacks = [fact for fact in _OF_MACHINE if fact in text]
    places = [line for line in text.splitlines() if _PLACE.match(line)]
    lines = [f"{read_fault(error)}; values are left out", *lacks, *places[:_MOST_PLACES]]
    return UnexpectedSparkError("\n".join(lines)).with_traceback(error.__traceback__)


def _of_java(thrown: Any) -> SparkFault:
    jvm: Any = SparkContext._jvm
    utils, first = jvm.PythonErrorUtils, thrown
    while thrown is not None:
        if _is_spark_throwable(thrown) and (condition := utils.getCondition(thrown)):
            parameters = dict(utils.getMessageParameters(thrown))
            raised = parameters.get("errorMessage", "") if condition == _RAISED else ""
            state, types = utils.getSqlState(thrown) or "", _shown(parameters)
            return SparkFault(condition, state, types, _expression(thrown), raised)
        thrown = thrown.getCause()
    return SparkFault(first.getClass().getName())


def _is_spark_throwable(thrown: Any) -> bool:
    from py4j.java_gateway import is_instance_of

    gateway = SparkContext._gateway
    return bool(is_instance_of(gateway, thrown, "org.apache.spark.SparkThrowable"))


def _expression(thrown: Any) -> str:
    """The text of the configuration; what Python wrote has no text."""
    for context in SparkContext._jvm.PythonErrorUtils.getQueryContext(thrown):  # type: ignore[union-attr]
        if context.contextType().toString() == "SQL":
            return str(context.fragment())
    return ""


def _shown(parameters: dict[str, str]) -> tuple[str, ...]:
    texts = (parameters[name] for name in _TYPES if name in parameters)
    return tuple(text.strip('"`') for text in texts)
