"""Texts in tables of the configuration: whether one can be read as the type of a tag."""

from collections.abc import Callable
from datetime import date
from math import isfinite

EXAMPLES = {"number": "12.5", "count": "12", "date": "2026-01-31", "boolean": "true or false"}


def is_readable(text: str, gives: str) -> bool:
    """Tell whether Spark reads a text as a tag's type, and as what it looks like."""
    try:
        return gives == "text" or _READERS[gives](text)
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    # Python reads 1_000 and digits of any script, and both read nan
    return text.isascii() and "_" not in text and isfinite(float(text))


def _is_date(text: str) -> bool:
    # Python reads 2026-W05-6 too, Spark 2026
    return date.fromisoformat(text).isoformat() == text


_READERS: dict[str, Callable[[str], bool]] = {
    "number": _is_number,
    "count": _is_number,
    "date": _is_date,
    # spreadsheets write TRUE
    "boolean": lambda text: text.lower() in ("true", "false"),
}
