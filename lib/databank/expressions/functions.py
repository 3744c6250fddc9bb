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

AT_DAY = "write a window, which ends with the run day, or :day, which is the run day"


# what to write in place of a function of many rows
_OF_ONE_ROW = {
    "avg": "average_amount('purchase'), or average_of('play', 'points')",
    "count": "events('login')",
    "max": "greatest(a, b), or largest_amount('purchase')",
    "mean": "average_amount('purchase'), or average_of('play', 'points')",
    "min": "least(a, b), or smallest_amount('purchase')",
    "sum": "a + b, or amount('purchase')",
}


@cache
def _listed() -> dict[str, str]:
    """Spark's own functions, each with what it is if it is none of one row."""
    listed = files("databank.expressions").joinpath("functions.txt").read_text(encoding="utf-8")
    parts = (line.partition(" ") for line in listed.splitlines())
    return {name: kind for name, _, kind in parts}


@cache
def known_functions() -> frozenset[str]:
    """Names of Spark's own functions (made by scripts/list_functions from its registry)."""
    return _SYNTAX | frozenset(_listed())


def why_not(function: str) -> str | None:
    """Say why a configuration may not call a function, and what to do; None if it may."""
    name = function.lower()
    if name in _RESTLESS:
        return f"{name}() gives another value in another run; {AT_DAY}"
    if name in _OUTSIDE:
        return f"{name}() reaches outside of the row; use what the row holds"
    return None


def why_not_of_a_row(function: str, *, over: bool) -> str | None:
    """Say why an expression of one row may not call a function, and what to do; None if it may.

    Args:
        function: Its name.
        over: Whether an OVER follows, which gives each row the value of many.
    """
    name = function.lower()
    kind = _listed().get(name, "")
    if not kind or (over and kind != "generator"):
        return None
    if kind == "generator":
        return f"{name}() makes many rows of one; take one value, for example by element_at(a, 1)"
    what = _OF_ONE_ROW.get(name, "a macro over events, or a tag of kind sql")
    return f"{name}() is of many rows, and an expression sees one; write {what}"
