"""How a command ends: an exit code, and a line for what the operator can fix."""

import logging
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer

from databank.errors import ConfigFaultsError, DataBankError, did_you_mean
from databank.terminal import one_line, printable

_DISK_FULL = "No space left on device"
_NO_ARGUMENTS = "NoArgsIsHelpError"


def code_of(command: Callable[[], Any]) -> int:
    """Run a command: 0 done, 2 the operator can fix it, 3 a gate refused; bugs raise."""
    logging.getLogger().addFilter(_is_not_of_py4j)
    try:
        code = command()
    except ConfigFaultsError as error:
        for fault in error.faults:
            _say(fault)
        return error.exit_code
    except DataBankError as error:
        _say(error)
        return error.exit_code
    except typer.Exit as stop:
        return int(stop.exit_code)
    except _usage_error() as error:
        _say_usage(error)
        return 2
    except Exception as error:
        line = _operators_line(error)
        if line is None:
            _raise_without_values(error)
            raise
        _say(line)
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
        if (ended := ended_jvm(error)) is not None:
            return ended
    # Spark wraps it deep in the texts of its own errors
    if _DISK_FULL in str(error):
        return "no space is left on a disk; free some, and run it again"
    damage = damage_in(error)
    return None if damage is None else str(damage)


def end_when_terminated() -> None:
    """Let SIGTERM end the process as an error does: with its lease given back, and 143."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def code_or_bug(command: Callable[[], int]) -> int:
    """Run what gives an exit code; of a bug print the traceback, and give 1."""
    try:
        return command()
    except Exception as error:
        # as Python prints it, with what data says in it escaped
        for lines in traceback.format_exception(error):
            for line in lines.rstrip("\n").split("\n"):
                print(printable(line, most=len(line)), file=sys.stderr)
        return 1


def _say(error: object) -> None:
    print(f"error: {one_line(error)}", file=sys.stderr)


def _say_usage(error: Any) -> None:
    """Say what is wrong with the command line, in one line; without a command, show the help."""
    if type(error).__name__ == _NO_ARGUMENTS:
        error.show()
        return
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "databank"
    option, near = getattr(error, "option_name", ""), getattr(error, "possibilities", None)
    if near:
        _say(f"{command}: unknown option {option}; {did_you_mean(option, near)}")
        return
    wrong = error.format_message().strip().rstrip(".")
    _say(f"{wrong}; see `{command} --help`")


def _usage_error() -> Any:
    """typer's base of all usage errors; it vendors click in newer versions."""
    return typer.BadParameter.__mro__[2]
