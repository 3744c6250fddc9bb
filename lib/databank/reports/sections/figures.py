"""Rows of reports.indicator, and how the report names, writes and describes what it draws."""

from dataclasses import dataclass
from datetime import date

from databank.reports import format as fmt
from databank.reports.config import IndicatorNote, NoteConfig

AFTER = "day "  # begins the part of a retention


@dataclass(frozen=True)
class Indicator:
    """One row of reports.indicator; of a retention, that of a day or a week."""

    name: str
    day: date
    of: str  # value of its dimension; '' = all
    part: str
    value: float
    persons: int | None
    base: int | None


def with_amount(value: float, note: IndicatorNote) -> str:
    """Write a value with its unit, unless the name says it."""
    text = fmt.short_number(value)
    return f"{text} {note.unit}" if note.unit and note.unit not in note.name else text


def with_unit(note: IndicatorNote) -> str:
    """Write a name with its unit, unless the name says it."""
    name = fmt.label(note.name)
    return f"{name}, {note.unit}" if note.unit and note.unit not in note.name else name


def described(note: NoteConfig) -> str:
    """Write the description as a sentence before others."""
    return f"{note.description.rstrip('.')}. " if note.description else ""


def capital(name: str) -> str:
    """Write a name for people, as a sentence or a title begins."""
    text = fmt.label(name, 80)
    return text[:1].upper() + text[1:]
