"""Records of a CSV file: lines, joined where a quoted value goes over several of them."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from databank.sources.formats.records import Records
from databank.sources.formats.text_stream import Lines

LONGEST_JOIN = 1 << 20  # a quote that stays open longer than this is no quote
_SEPARATOR = re.compile(rb"\s*sep=(.)\s*", re.IGNORECASE | re.DOTALL)  # what Excel writes on top
_NOT_CLOSED = "a quote at the begin of a field is not closed"


@dataclass(frozen=True)
class CsvRecords:
    """How the lines of a CSV file become records.

    A quote counts where a field begins with it; inside an unquoted field it is a sign like any
    other, as for Python's csv, pandas and DuckDB. Lines are joined only if that makes a record
    with as many fields as there are columns: a stray quote costs its own line and no more.

    Attributes:
        delimiter: Sign between two fields.
        escape: Sign before a quote inside a quoted value, where it is not a second quote.
        columns: How many fields a record has; None = not known yet.
    """

    delimiter: str
    escape: str | None = None
    columns: int | None = None

    def split(self, blocks: Iterator[Lines]) -> Iterator[Records]:
        """Join the lines of a file to records; a line `sep=;` on top is none."""
        begun, held = False, _Held()
        for block in blocks:
            records = Records()
            for place, line in enumerate(block.lines):
                if not begun and line.strip():
                    begun = True
                    if separator(line):
                        continue
                fault = block.faults.get(place)
                if fault is None and (held.lines or b'"' in line):
                    self._take(records, held, block.number + place, line)
                else:
                    records.add(block.number + place, line, fault)
            yield records
        records = Records()
        while held.lines:
            self._give_up(records, held)
        yield records

    def _take(self, records: Records, held: "_Held", number: int, line: bytes) -> None:
        waiting = deque([(number, line)])
        while waiting:
            number, line = waiting.popleft()
            if not held.lines and (b'"' not in line or self._whole.fullmatch(line)):
                records.add(number, line)
                continue
            delimiters, end = self._scan(line, in_quote=bool(held.lines))
            held.add(number, line, delimiters)
            if end == "closed" and self.columns in (None, held.delimiters + 1):
                records.add(held.number, b"\n".join(held.lines))
                held.clear()
            elif end != "open" or held.is_too_long(self.columns):
                waiting.extendleft(reversed(held.give_up(records)))

    def _give_up(self, records: Records, held: "_Held") -> None:
        for number, line in held.give_up(records):
            self._take(records, held, number, line)

    def _scan(self, line: bytes, *, in_quote: bool) -> tuple[int, Literal["open", "closed", "bad"]]:
        """Count the delimiters of a line outside quotes, and tell how it ends.

        `bad` is a quoted value behind whose closing quote there is something else.
        """
        delimiters, at = 0, 0
        if in_quote:
            inner = self._inner.match(line)
            at = inner.end() if inner else 0
            if at == len(line):
                return 0, "open"
            if at + 1 == len(line):
                return 0, "closed"
            if not line.startswith(self.delimiter.encode(), at + 1):
                return 0, "bad"
            delimiters, at = 1, at + 2
        while field_ := self._field_and_delimiter.match(line, at):
            delimiters, at = delimiters + 1, field_.end()
        if self._last_field.match(line, at):
            return delimiters, "closed"
        return delimiters, "open" if self._opened.match(line, at) else "bad"

    # ---- patterns: of an inside of quotes, of fields, of a line

    @cached_property
    def _inner(self) -> re.Pattern[bytes]:
        escape = re.escape((self.escape or "").encode())
        plain = rb'[^"' + escape + rb']++|""'
        escaped = rb"|" + escape + rb"." if escape else b""
        return re.compile(rb"(?:" + plain + escaped + rb")*+", re.DOTALL)

    @cached_property
    def _sign(self) -> bytes:
        return re.escape(self.delimiter.encode())

    @cached_property
    def _field(self) -> bytes:
        quoted = rb'"' + self._inner.pattern + rb'"'
        return rb"(?:" + quoted + rb'|(?!")[^' + self._sign + rb"]*+)"

    @cached_property
    def _field_and_delimiter(self) -> re.Pattern[bytes]:
        return re.compile(self._field + self._sign, re.DOTALL)

    @cached_property
    def _last_field(self) -> re.Pattern[bytes]:
        return re.compile(self._field + rb"\Z", re.DOTALL)

    @cached_property
    def _opened(self) -> re.Pattern[bytes]:
        return re.compile(rb'"' + self._inner.pattern + rb"\Z", re.DOTALL)

    @cached_property
    def _whole(self) -> re.Pattern[bytes]:
        # here something may follow a closing quote: `"a"b` is one field for every reader
        loose = self._field + rb"[^" + self._sign + rb"]*+"
        return re.compile(loose + rb"(?:" + self._sign + loose + rb")*+", re.DOTALL)


def separator(line: bytes) -> str | None:
    """Give the delimiter that a line `sep=;` names; None for any other line."""
    match = _SEPARATOR.fullmatch(line)
    return match.group(1).decode(errors="replace") if match else None


@dataclass
class _Held:
    """Lines that wait for the end of a quoted value, the number of the first, their delimiters."""

    lines: list[bytes] = field(default_factory=list)
    number: int = 0
    delimiters: int = 0
    size: int = 0

    def add(self, number: int, line: bytes, delimiters: int) -> None:
        if not self.lines:
            self.number = number
        self.lines.append(line)
        self.delimiters += delimiters
        self.size += len(line)

    def is_too_long(self, columns: int | None) -> bool:
        too_many = columns is not None and self.delimiters >= columns
        return too_many or self.size > LONGEST_JOIN

    def clear(self) -> None:
        self.lines, self.delimiters, self.size = [], 0, 0

    def give_up(self, records: Records) -> list[tuple[int, bytes]]:
        """Add the first line, whose quote is not closed; returns the others with their numbers."""
        records.add(self.number, self.lines[0], _NOT_CLOSED)
        others = [(self.number + 1 + n, line) for n, line in enumerate(self.lines[1:])]
        self.clear()
        return others
