"""Lines of text files as Arrow batches: streamed in blocks, one file in memory never."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from databank.sources.formats.storage import open_bytes

_BLOCK = 4 << 20
_LONGEST = 1 << 20  # a quote that stays open longer than this is no quote

SCHEMA = "source string, file string, line bigint, fault string, value string"
NOT_ENCODED = "not "  # prefix of the fault of a line that the encoding cannot read
BROKEN_OFF = "truncated: "  # prefix of the fault of the row that ends a broken file


@dataclass(frozen=True)
class TextFile:
    """What a worker needs to know of a file."""

    source: str
    name: str
    path: str
    encoding: str
    quoted: bool  # CSV: a quoted value may go over several lines


def read_batches(file: TextFile) -> Iterator[pa.RecordBatch]:
    """Read a file as batches of source, file, line, fault, value.

    Blank lines are counted but not given.

    A file that breaks off ends with a row whose value is null and whose fault says so.
    """
    last = 0
    try:
        with open_bytes(file.path) as stream:
            for first, lines in _numbered(stream, quoted=file.quoted):
                last = int(first[-1])
                yield _batch(file, first, lines)
    except (EOFError, OSError, zlib.error) as error:
        reason = (str(error).splitlines() or ["the file ends too early"])[0][:200]
        yield _row(file, last + 1, f"{BROKEN_OFF}{reason}")


def _numbered(stream: object, *, quoted: bool) -> Iterator[tuple[np.ndarray, list[bytes]]]:
    """Give the records of each block with the number of the line on which each begins."""
    line = 1
    open_lines: list[bytes] = []
    for lines in _blocks(stream):
        if line == 1 and not open_lines and lines[0].startswith(b"\xef\xbb\xbf"):
            lines[0] = lines[0][3:]
        if quoted and (open_lines or any(b'"' in part for part in lines)):
            numbers, records, open_lines = _join_quoted(open_lines + lines, line)
        else:
            numbers, records = list(range(line, line + len(lines))), lines
        line += sum(record.count(b"\n") + 1 for record in records) if quoted else len(records)
        kept = [i for i, record in enumerate(records) if record.strip()]
        if kept:
            yield np.array([numbers[i] for i in kept]), [records[i] for i in kept]
    if open_lines:
        yield np.arange(line, line + len(open_lines)), open_lines


def _blocks(stream: object) -> Iterator[list[bytes]]:
    rest = b""
    while block := stream.read(_BLOCK):  # type: ignore[attr-defined]
        head, newline, tail = block.rpartition(b"\n")
        if not newline:
            rest += block
            continue
        whole = rest + head + newline
        rest = tail
        yield whole.replace(b"\r\n", b"\n")[:-1].split(b"\n")
    if rest:
        yield [rest.removesuffix(b"\r")]


def _join_quoted(lines: list[bytes], first: int) -> tuple[list[int], list[bytes], list[bytes]]:
    """Join lines while a quote is open; returns numbers, records and the lines still open."""
    numbers: list[int] = []
    records: list[bytes] = []
    held: list[bytes] = []
    size, line = 0, first
    for text in lines:
        odd = text.count(b'"') % 2 == 1
        if not held and not odd:
            numbers.append(line)
            records.append(text)
            line += 1
            continue
        closes = bool(held) and odd
        held.append(text)
        size += len(text)
        if closes:
            numbers.append(line)
            records.append(b"\n".join(held))
        elif size > _LONGEST:
            numbers += range(line, line + len(held))
            records += held
        else:
            continue
        line += len(held)
        held, size = [], 0
    return numbers, records, held


def _batch(file: TextFile, numbers: np.ndarray, lines: list[bytes]) -> pa.RecordBatch:
    size = len(lines)
    raw = pa.array(lines, pa.binary())
    faults = pa.nulls(size, pa.string())
    try:
        if file.encoding != "utf-8":
            raise pa.ArrowInvalid
        values = raw.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [_decoded(line, file.encoding) for line in lines]
        values = pa.array([text for text, _ in texts], pa.string())
        faults = pa.array([fault for _, fault in texts], pa.string())
    return pa.record_batch(
        [
            pa.repeat(pa.scalar(file.source), size),
            pa.repeat(pa.scalar(file.name), size),
            pa.array(numbers, pa.int64()),
            faults,
            values,
        ],
        names=["source", "file", "line", "fault", "value"],
    )


def _decoded(line: bytes, encoding: str) -> tuple[str, str | None]:
    try:
        return line.decode(encoding), None
    except UnicodeDecodeError as error:
        fault = f"{NOT_ENCODED}{encoding.upper()} at byte {error.start + 1} of the line"
        return line.decode(encoding, errors="replace"), fault


def _row(file: TextFile, line: int, fault: str) -> pa.RecordBatch:
    return pa.record_batch(
        [[file.source], [file.name], pa.array([line], pa.int64()), [fault],
         pa.nulls(1, pa.string())],
        names=["source", "file", "line", "fault", "value"],
    )  # fmt: skip
