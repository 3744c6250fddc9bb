"""Functions that an expression of a configuration may call, and why it may not call others."""

from functools import cache
from importlib.resources import files

# part of Spark's grammar, and so not in its list of functions
_SYNTAX = frozenset({"cast", "try_cast", "extract", "trim", "overlay", "position", "timestampadd"})
# they reach outside of the row: to code, files, users and the machine
_OUTSIDE = frozenset(
    {
        *("java_method", "reflect", "try_reflect", "input_file_name", "input_file_block_start"),
        *("input_file_block_length", "current_user", "session_user", "user", "current_catalog"),
        *("current_database", "current_schema", "current_path", "version", "spark_partition_id"),
        *("raise_error", "assert_true"),
    }
)
# they give another value in another run
_RESTLESS = frozenset(
    {
        *("now", "current_date", "current_time", "current_timestamp", "curdate"),
        *("localtimestamp", "current_timezone", "rand", "randn", "random", "randstr", "uniform"),
        *("uuid", "shuffle", "monotonically_increasing_id"),
    }
)

AT_DAY = "write a window, which ends with the run day, or :day in a SELECT"


@cache
def known_functions() -> frozenset[str]:
    """Names of Spark's own functions (made by scripts/list_functions from SHOW FUNCTIONS)."""
    listed = files("databank.expressions").joinpath("functions.txt").read_text(encoding="utf-8")
    return _SYNTAX | frozenset(listed.split())


def why_not(function: str) -> str | None:
    """Say why a configuration may not call a function, and what to do; None if it may."""
    name = function.lower()
    if name in _RESTLESS:
        return f"{name}() gives another value in another run; {AT_DAY}"
    if name in _OUTSIDE:
        return f"{name}() reaches outside of the row; use what the row holds"
    return None
