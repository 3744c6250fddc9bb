"""Records of text files, between the lines that they are read from and Arrow's batches."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from databank.sources.formats.text_stream import Lines


@dataclass
class Records:
    """Records that follow each other.

    Attributes:
        numbers: Where each begins: its line, or its number in a file that is not written by lines.
        values: Their text.
        faults: Why a record cannot be trusted, by its place in `values`.
    """

    numbers: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, value: bytes, fault: str | None = None) -> None:
        """Add a record; a blank one is none."""
        if not value.strip():
            return
        if fault is not None:
            self.faults[len(self.values)] = fault
        self.numbers.append(number)
        self.values.append(value)


class Splitter(Protocol):
    """How the lines of a format become records."""

    def split(self, blocks: Iterator[Lines]) -> Iterator[Records]:
        """Give the records of all lines of a file, which come in blocks."""
        ...
