"""Move arrays of ids through Spark as blocks of bytes.

A Spark row for each id costs more than all work on the ids: from Arrow to the JVM's rows, to
Parquet or a shuffle, and back. So the steps exchange blocks: one row holds some ten thousand ids as
bytes, and moving a block costs what moving its bytes costs.

A block carries checksums, and whoever reads it tests them: bytes that changed are an error, and
never a wrong component.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from databank.identity.components.arrow import to_batches
from databank.identity.components.check import require
from databank.identity.components.forest import Codes, Ids

# kinds: what the ids of a block and their partners are
TREE, ROOT, LINK, LABEL, ASK, ANSWER = range(6)

# 256 KB of ids: small enough for Parquet's row groups (which never have fewer than 100 rows)
ROWS = 1 << 15
# blocks that go to the JVM at a time
_BATCH = 64
_NUMBERS = ("part", "kind", "origin", "at", "size", "tally")
_ARRAYS: dict[str, type] = {"ids": np.int64, "partners": np.int64, "codes": np.int32}
_SUMS = ("numbers", *_ARRAYS)
NAMES = [*_NUMBERS, *(f"{name}_sum" for name in _SUMS), *_ARRAYS]
SCHEMA = ", ".join(f"{name} {'binary' if name in _ARRAYS else 'bigint'}" for name in NAMES)
_NOTHING = np.empty(0, np.int64)


class Block(NamedTuple):
    """Some ids, and for each its partner (a root, a label), or none."""

    part: int  # the slice of ids whose task it is for
    kind: int
    origin: int  # the chunk or slice that it comes from
    at: int  # place of its first id there
    tally: int  # a number that the receiver adds up
    ids: Ids
    partners: Ids
    codes: Codes


def write_blocks(
    ids: Ids,
    partners: Ids = _NOTHING,
    codes: Codes | None = None,
    *,
    starts: Ids = _NOTHING,
    part: int | None = None,
    kind: int = TREE,
    origin: int = 0,
    at: int = 0,
    tally: int = 0,
) -> Iterator[pa.RecordBatch]:
    """Write ascending ids as blocks, cut at the starts of slices; nothing for no ids.

    Args:
        ids: Ascending, unless all are for one part.
        partners: One for each id, or none.
        codes: A small number for each id, or none.
        starts: The smallest id of every slice but the first: each block is for its slice's part.
        part: The part that all blocks are for.
        kind: Kind of the blocks, by which the receiver sorts them.
        origin: Chunk or slice that the ids come from.
        at: Place of the first id at the origin.
        tally: A number that the receiver adds up, on the first block.
    """
    slices = np.searchsorted(ids, starts)
    cuts = np.unique(np.concatenate([np.arange(0, ids.size, ROWS), slices, [ids.size]]))
    n = cuts.size - 1
    parts = np.searchsorted(slices, cuts[:-1], side="right") if part is None else np.full(n, part)
    numbers = parts, np.full(n, kind), np.full(n, origin), cuts[:-1] + at
    yield from _batches(cuts, numbers, tally, ids, partners, codes)


def answer(asks: list[Block], values: Ids, *, tally: int = 0) -> Iterator[pa.RecordBatch]:
    """Send each ask back to its origin, as a block of its ids and their values.

    Args:
        asks: Blocks of ids, none of them empty.
        values: One for each id of all asks.
        tally: A number that the receiver adds up, on the first block.
    """
    cuts = np.cumsum([0, *(each.ids.size for each in asks)])
    parts, origins, ats = (
        np.array([getattr(each, name) for each in asks]) for name in ("origin", "part", "at")
    )
    numbers = parts, np.full(parts.size, ANSWER), origins, ats
    ids = np.concatenate([each.ids for each in asks])
    yield from _batches(cuts, numbers, tally, ids, values, None)


def read_blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[Block]:
    """Read the blocks of batches; partners or codes are empty where the batches lack them.

    Raises:
        ComponentsCheckError: If a block is not what was written.
    """
    for batch in batches:
        numbers = _columns(batch, *_NUMBERS)
        sums = _columns(batch, "numbers_sum")[:, 0].tolist()
        require([zlib.crc32(row) for row in numbers] == sums, "a block came back changed")
        arrays = [_arrays(batch, name, kind) for name, kind in _ARRAYS.items()]
        for row, (part, kind, origin, at, size, tally) in enumerate(numbers.tolist()):
            block = Block(part, kind, origin, at, tally, *(array[row] for array in arrays))
            require(block.ids.size == size, "ids of a block got lost")
            yield block


def by_kind(batches: Iterable[pa.RecordBatch]) -> dict[int, list[Block]]:
    """Read the blocks of one part, by kind, in the order of their origins."""
    kinds: dict[int, list[Block]] = defaultdict(list)
    for block in sorted(read_blocks(batches), key=lambda block: (block.origin, block.at)):
        kinds[block.kind].append(block)
    parts = {block.part for blocks in kinds.values() for block in blocks}
    require(len(parts) < 2, "blocks for several parts in one task")
    return kinds


def as_labels(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Write a row (id, component) for each id and partner."""
    for block in read_blocks(batches):
        yield from to_batches(["id", "component"], block.ids, block.partners)


def concat(blocks: list[Block]) -> tuple[Ids, Ids]:
    """Concatenate the ids and the partners of all blocks."""
    if not blocks:
        return _NOTHING, _NOTHING
    return (
        np.concatenate([block.ids for block in blocks]),
        np.concatenate([block.partners for block in blocks]),
    )


def _batches(
    cuts: Ids,
    numbers: tuple[Ids, ...],
    tally: int,
    ids: Ids,
    partners: Ids,
    codes: Codes | None,
) -> Iterator[pa.RecordBatch]:
    """Write the blocks ids[cuts[i]:cuts[i + 1]], a batch of them at a time."""
    buffers = {
        "ids": (pa.py_buffer(ids), 8),
        "partners": (pa.py_buffer(partners), 8 if partners.size else 0),
        "codes": (pa.py_buffer(_NOTHING if codes is None else codes), 0 if codes is None else 4),
    }
    tallies = np.zeros(cuts.size - 1, np.int64)
    tallies[:1] = tally
    rows = np.column_stack([*numbers, np.diff(cuts), tallies]).astype(np.int64)
    for first in range(0, len(rows), _BATCH):
        some = rows[first : first + _BATCH]
        columns: dict[str, Any] = dict(zip(_NUMBERS, some.T, strict=True))
        columns["numbers_sum"] = [zlib.crc32(row) for row in some]
        for name, (raw, width) in buffers.items():
            columns[name] = _blobs(raw, cuts[first : first + _BATCH + 1] * width)
            columns[f"{name}_sum"] = [zlib.crc32(blob.as_buffer()) for blob in columns[name]]
        arrays = [
            columns[name] if name in _ARRAYS else pa.array(columns[name], pa.int64())
            for name in NAMES
        ]
        yield pa.RecordBatch.from_arrays(arrays, names=NAMES)


def _blobs(raw: pa.Buffer, cuts: Ids) -> pa.Array:
    offsets = pa.py_buffer((cuts - cuts[0]).astype(np.int32))
    part = raw.slice(int(cuts[0]), int(cuts[-1] - cuts[0]))
    return pa.Array.from_buffers(pa.binary(), cuts.size - 1, [None, offsets, part])


def _columns(batch: pa.RecordBatch, *names: str) -> NDArray[np.int64]:
    return np.column_stack([batch.column(name).to_numpy() for name in names])


def _arrays(batch: pa.RecordBatch, name: str, kind: type) -> list[NDArray[Any]]:
    if name not in batch.schema.names:
        return [np.empty(0, kind)] * batch.num_rows
    raw = [blob.as_buffer() for blob in batch.column(name)]
    sums = batch.column(f"{name}_sum").to_pylist()
    require([zlib.crc32(each) for each in raw] == sums, f"{name} of a block came back changed")
    return [np.frombuffer(each, kind) for each in raw]
