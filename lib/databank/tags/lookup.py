"""Small tables of the configuration: a value of one tag becomes that of another."""

import csv
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

# each value is compared with all of them, in the plan itself
MOST_ROWS = 5_000
_READERS: dict[str, Callable[[str], Any]] = {
    "number": float,
    "count": float,
    "date": date.fromisoformat,
    "boolean": {"true": True, "false": False}.__getitem__,
}
_EXAMPLES = {"number": "12.5", "count": "12", "date": "2026-01-31", "boolean": "true or false"}


def refuse_unreadable(values: Mapping[str, str], gives: str) -> None:
    """Raise if a value is not of the type that the tag gives.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    read = _READERS.get(gives, str)
    for key, value in values.items():
        try:
            read(value)
        except (ValueError, KeyError):
            raise ValueError(
                f"{value!r} of {key!r} is no {gives}; write {_EXAMPLES[gives]}, or another `gives`"
            ) from None


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
