"""Text files as Arrow batches of records: streamed in blocks, one file in memory never."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from databank.sources.formats.records import Records, Splitter
from databank.sources.formats.text_stream import BLOCK, read_lines

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
    splitter: Splitter


def read_batches(file: TextFile, *, block: int = BLOCK) -> Iterator[pa.RecordBatch]:
    """Read a file as batches of source, file, line, fault, value.

    Blank lines are counted but not given.

    A file that breaks off ends with a row whose value is null and whose fault says so.
    """
    last = 0
    try:
        lines, encoding = read_lines(file.path, file.encoding, block=block)
        for records in file.splitter.split(lines):
            if records.numbers:
                last = records.numbers[-1]
                yield _batch(file, records, encoding)
    except (EOFError, OSError, UnicodeError, zlib.error) as error:
        reason = (str(error).splitlines() or ["the file ends too early"])[0][:200]
        yield _row(file, last + 1, f"{BROKEN_OFF}{reason}")


def _batch(file: TextFile, records: Records, encoding: str) -> pa.RecordBatch:
    size = len(records.values)
    raw = pa.array(records.values, pa.binary())
    faults = pa.nulls(size, pa.string())
    try:
        if encoding != "utf-8":
            raise pa.ArrowInvalid
        values = raw.cast(pa.string())
        texts: list[tuple[str, str | None]] = []
    except pa.ArrowInvalid:
        texts = [_decoded(line, encoding) for line in records.values]
        values = pa.array([text for text, _ in texts], pa.string())
    if texts or records.faults:
        wrong = [fault for _, fault in texts] or [None] * size
        faults = pa.array([records.faults.get(n, fault) for n, fault in enumerate(wrong)])
        faults = faults.cast(pa.string())
    return pa.record_batch(
        [
            pa.repeat(pa.scalar(file.source), size),
            pa.repeat(pa.scalar(file.name), size),
            pa.array(records.numbers, pa.int64()),
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
