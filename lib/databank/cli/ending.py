"""How a command ends: an exit code, and a line for what the operator can fix."""

import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

import typer

from databank.errors import ConfigFaultsError, DataBankError

_DISK_FULL = "No space left on device"


def code_of(command: Callable[[], Any]) -> int:
    """Run a command: 0 done, 2 the operator can fix it, 3 a gate refused; bugs raise."""
    logging.getLogger().addFilter(_is_not_of_py4j)
    try:
        code = command()
    except ConfigFaultsError as error:
        for fault in error.faults:
            print(f"error: {fault}", file=sys.stderr)
        return error.exit_code
    except DataBankError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except typer.Exit as stop:
        return int(stop.exit_code)
    except _usage_error() as error:
        error.show()
        return 2
    except Exception as error:
        line = _operators_line(error)
        if line is None:
            _raise_without_values(error)
            raise
        print(f"error: {line}", file=sys.stderr)
        return 2
    # an interrupted command ends with 130, which typer returns
    return int(code or 0)


def _is_not_of_py4j(record: logging.LogRecord) -> bool:
    """Keep out its tracebacks of a broken connection; one line says what became of the JVM."""
    return "py4j" not in record.pathname


def _raise_without_values(error: Exception) -> None:
    """Raise what stands for an error of Spark's, whose text holds values of the data."""
    if "pyspark" not in sys.modules:
        return
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    from databank.session.spark_faults import without_values

    if isinstance(error, PySparkException | Py4JJavaError):
        raise without_values(error) from None


def _operators_line(error: Exception) -> str | None:
    """Tell what of an unforeseen error is the operator's to fix; None for a bug."""
    from databank.tables.damage import damage_in

    if "pyspark" in sys.modules:
        from databank.session.jvm import ended_jvm

        # first: the texts of Java's errors are asked of the JVM
        if (ended := ended_jvm()) is not None:
            return ended
    # Spark wraps it deep in the texts of its own errors
    if _DISK_FULL in str(error):
        return "no space is left on a disk; free some, and run it again"
    damage = damage_in(error)
    return None if damage is None else str(damage)


def _usage_error() -> Any:
    """typer's base of all usage errors; it vendors click in newer versions."""
    return typer.BadParameter.__mro__[2]


def end_when_terminated() -> None:
    """Let SIGTERM end the process as an error does: with its lease given back, and 143."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
