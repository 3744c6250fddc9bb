"""Small tables of the configuration: a value of one tag becomes that of another."""

import csv
from collections.abc import Callable, Mapping
from datetime import date
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from databank.tags.config import TagConfig

# each value is compared with all of them, in the plan itself
MOST_ROWS = 5_000
EXAMPLES = {"number": "12.5", "count": "12", "date": "2026-01-31", "boolean": "true or false"}


def refuse_other_ways(tag: "TagConfig") -> None:
    """Raise unless a tag says in one way what is looked up, and where.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    if (tag.of is None) == (tag.identifier is None):
        told = "lacks" if tag.of is None else "has both"
        raise ValueError(
            f"tag {tag.name!r} of kind lookup {told} `of` and `identifier`; write `of: city` for "
            "a value of another tag, or `identifier: phone` for a list of persons"
        )
    if tag.identifier is not None and (tag.values or tag.table is None):
        raise ValueError(
            f"tag {tag.name!r}: a list by {tag.identifier} is a file beside this one; "
            "write `table: vip.csv`, and no `values`"
        )
    for key in ("region", "scope"):
        if tag.identifier is None and getattr(tag, key) is not None:
            raise ValueError(f"tag {tag.name!r}: `{key}` is for a list by identifier; remove it")
    if bool(tag.values) == bool(tag.table):
        raise ValueError(f"tag {tag.name!r}: write either `values` or `table`")


def refuse_unreadable(values: Mapping[str, str], gives: str) -> None:
    """Raise if a value is not of the type that the tag gives.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    for key, value in values.items():
        if not is_readable(value, gives):
            raise ValueError(
                f"{value!r} of {key!r} is no {gives}; write {EXAMPLES[gives]}, or another `gives`"
            )


def is_readable(text: str, gives: str) -> bool:
    """Whether Spark reads a text as the type that a tag gives, and as what it looks like."""
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


def read_lookup(path: Path) -> dict[str, str]:
    """A CSV file of two columns with a header: value -> what it becomes.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    try:
        # utf-8-sig: spreadsheets write a mark before the first name
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header, *rows = [row for row in csv.reader(lines) if row] or [[]]
    except FileNotFoundError:
        raise ValueError(f"{path.name}: there is no such file; put it beside this one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: cannot be read ({error}); save it as UTF-8") from None
    if len(header) != 2:
        raise ValueError(
            f"{path.name}: has {len(header)} columns; write two, with their names in the first line"
        )
    if not 1 <= len(rows) <= MOST_ROWS:
        raise ValueError(
            f"{path.name}: has {len(rows):,} rows; write 1 to {MOST_ROWS:,}, or make it a source"
        )
    found: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        key, value = (cell.strip() for cell in (*row, "")[:2])
        if len(row) != 2 or not key or not value:
            raise ValueError(f"{path.name}: row {number} has not two values; correct it")
        if found.get(key, value) != value:
            raise ValueError(f"{path.name}: {key!r} is there twice, as row {number}; leave one")
        found[key] = value
    return found
