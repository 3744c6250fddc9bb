"""Bytes of a text file as lines: unpacked, whatever ends a line, and never one without end."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from databank.sources.formats.storage import open_bytes

BLOCK = 4 << 20
LONGEST_RECORD = 32 << 20  # bytes; what is longer is no record, and would fill the memory
_SHOWN = 200  # bytes that are kept of a line that is too long
# the longest mark first: that of UTF-32 begins with that of UTF-16
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass
class Lines:
    """Lines that follow each other.

    Attributes:
        number: Number of the first line, from 1.
        lines: Without their ends.
        faults: Why a line cannot be trusted, by its place in `lines`.
    """

    number: int
    lines: list[bytes]
    faults: dict[int, str] = field(default_factory=dict)


def read_lines(path: str, encoding: str, *, block: int = BLOCK) -> tuple[Iterator[Lines], str]:
    """Open a text file, whose lines may end by LF, CR LF or CR.

    Returns:
        The lines in blocks; and their encoding: a byte order mark decides before the declared one,
        and UTF-16 and UTF-32 become UTF-8.

    Raises:
        OSError: Or EOFError, zlib.error, UnicodeError: here or while a broken file is read.
    """
    stream = open_bytes(path)
    head = stream.read(4)
    if head.startswith(codecs.BOM_UTF8):
        return _split(_blocks(stream, head[3:], block)), "utf-8"
    for mark, marked in _MARKS:
        if head.startswith(mark):
            return _split(_recoded(_blocks(stream, head, block), marked)), "utf-8"
    return _split(_blocks(stream, head, block)), encoding


def _blocks(stream: Any, head: bytes, size: int) -> Iterator[bytes]:
    with stream:
        yield head
        while block := stream.read(size):
            yield block


def _recoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _split(blocks: Iterator[bytes]) -> Iterator[Lines]:
    number, line, held = 1, _OpenLine(), b""
    for each in blocks:
        block = held + each
        held = b"\r" if block.endswith(b"\r") else b""  # its LF may follow in the next block
        block = block.removesuffix(held).replace(b"\r\n", b"\n")
        if b"\r" in block:
            block = block.replace(b"\r", b"\n")
        head, newline, tail = block.rpartition(b"\n")
        if newline:
            lines = line.close(head, number)
            yield lines
            number += len(lines.lines)
        line.add(tail)
    if line.size or held:
        yield line.close(b"", number)


class _OpenLine:
    """The line that has no end yet: its pieces, or its begin once it is too long."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self.pieces.append(piece)
        if self.size > LONGEST_RECORD:
            self.pieces = [b"".join(self.pieces)[:_SHOWN]]

    def close(self, block: bytes, number: int) -> Lines:
        """Give the lines of a block whose first one ends this line."""
        first, newline, others = block.partition(b"\n")
        self.add(first)
        faults = {}
        if self.size > LONGEST_RECORD:
            faults[0] = f"the line has {self.size:,} bytes, and {LONGEST_RECORD:,} is the limit"
        lines = [b"".join(self.pieces), *(others.split(b"\n") if newline else ())]
        self.pieces, self.size = [], 0
        return Lines(number, lines, faults)
