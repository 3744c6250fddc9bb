"""Arrays of ids as rows of Spark.

A row of Spark for each id costs more than all work on the ids: from Arrow to the JVM's rows, to
Parquet or a shuffle, and back. So the steps hand each other packs: one row holds some ten thousand
ids as bytes, and moving a pack costs what moving its bytes costs.

A pack carries checksums, and whoever unpacks it tests them: bytes that changed are an error, and
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

# what the ids of a pack and their partners are
TREE, ROOT, LINK, LABEL, ASK, ANSWER = range(6)

# 256 KB of ids: small enough for Parquet's row groups (which never have fewer than 100 rows)
ROWS = 1 << 15
# packs that go to the JVM at a time
_BATCH = 64
_NUMBERS = ("part", "kind", "origin", "at", "size", "told")
_ARRAYS: dict[str, type] = {"ids": np.int64, "partners": np.int64, "codes": np.int32}
_SUMS = ("numbers", *_ARRAYS)
NAMES = [*_NUMBERS, *(f"{name}_sum" for name in _SUMS), *_ARRAYS]
SCHEMA = ", ".join(f"{name} {'binary' if name in _ARRAYS else 'bigint'}" for name in NAMES)
_NOTHING = np.empty(0, np.int64)


class Pack(NamedTuple):
    """Some ids, and for each its partner (a root, a label), or none."""

    part: int  # the slice of ids whose task it is for
    kind: int
    origin: int  # the chunk or slice that it comes from
    at: int  # place of its first id there
    told: int  # a number to be added up
    ids: Ids
    partners: Ids
    codes: Codes


def pack(
    ids: Ids,
    partners: Ids = _NOTHING,
    codes: Codes | None = None,
    *,
    starts: Ids = _NOTHING,
    part: int | None = None,
    kind: int = TREE,
    origin: int = 0,
    at: int = 0,
    told: int = 0,
) -> Iterator[pa.RecordBatch]:
    """Packs of ascending ids, cut at the starts of slices; nothing for no ids.

    Args:
        ids: Ascending, unless all are for one part.
        partners: One for each id, or none.
        codes: A small number for each id, or none.
        starts: The smallest id of every slice but the first: packs are for the slice's part.
        part: The part that all packs are for.
        kind: What the receiver knows them by.
        origin: Where they come from.
        at: Place of the first id at the origin.
        told: A number to be added up, on the first pack.
    """
    slices = np.searchsorted(ids, starts)
    cuts = np.unique(np.concatenate([np.arange(0, ids.size, ROWS), slices, [ids.size]]))
    n = cuts.size - 1
    parts = np.searchsorted(slices, cuts[:-1], side="right") if part is None else np.full(n, part)
    numbers = parts, np.full(n, kind), np.full(n, origin), cuts[:-1] + at
    yield from _packed(cuts, numbers, told, ids, partners, codes)


def reply(asks: list[Pack], found: Ids, *, told: int = 0) -> Iterator[pa.RecordBatch]:
    """The ids of the asks, one pack for each, and what was found for them, to where they are from.

    Args:
        asks: None of them empty.
        found: One for each id of all asks.
        told: A number to be added up, on the first pack.
    """
    cuts = np.cumsum([0, *(each.ids.size for each in asks)])
    parts, origins, ats = (
        np.array([getattr(each, name) for each in asks]) for name in ("origin", "part", "at")
    )
    numbers = parts, np.full(parts.size, ANSWER), origins, ats
    ids = np.concatenate([each.ids for each in asks])
    yield from _packed(cuts, numbers, told, ids, found, None)


def unpack(batches: Iterable[pa.RecordBatch]) -> Iterator[Pack]:
    """The packs of the batches; empty partners or codes where the batches lack that column.

    Raises:
        ComponentsCheckError: If one is not what was packed.
    """
    for batch in batches:
        numbers = _columns(batch, *_NUMBERS)
        sums = _columns(batch, "numbers_sum")[:, 0].tolist()
        require([zlib.crc32(row) for row in numbers] == sums, "a pack came back changed")
        arrays = [_arrays(batch, name, kind) for name, kind in _ARRAYS.items()]
        for row, (part, kind, origin, at, size, told) in enumerate(numbers.tolist()):
            held = Pack(part, kind, origin, at, told, *(each[row] for each in arrays))
            require(held.ids.size == size, "ids of a pack got lost")
            yield held


def by_kind(batches: Iterable[pa.RecordBatch]) -> dict[int, list[Pack]]:
    """The packs of one part, by kind, in the order of where they come from."""
    found: dict[int, list[Pack]] = defaultdict(list)
    for each in sorted(unpack(batches), key=lambda each: (each.origin, each.at)):
        found[each.kind].append(each)
    parts = {each.part for held in found.values() for each in held}
    require(len(parts) < 2, "packs for several parts in one task")
    return found


def as_labels(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A row (id, component) for each id and partner."""
    for each in unpack(batches):
        yield from to_batches(["id", "component"], each.ids, each.partners)


def joined(packs: list[Pack]) -> tuple[Ids, Ids]:
    """Ids and partners of all packs."""
    if not packs:
        return _NOTHING, _NOTHING
    return (
        np.concatenate([each.ids for each in packs]),
        np.concatenate([each.partners for each in packs]),
    )


def _packed(
    cuts: Ids,
    numbers: tuple[Ids, ...],
    told: int,
    ids: Ids,
    partners: Ids,
    codes: Codes | None,
) -> Iterator[pa.RecordBatch]:
    """Packs of ids[cuts[i]:cuts[i + 1]], a batch of them at a time."""
    columns = {
        "ids": (pa.py_buffer(ids), 8),
        "partners": (pa.py_buffer(partners), 8 if partners.size else 0),
        "codes": (pa.py_buffer(_NOTHING if codes is None else codes), 0 if codes is None else 4),
    }
    tolds = np.zeros(cuts.size - 1, np.int64)
    tolds[:1] = told
    rows = np.column_stack([*numbers, np.diff(cuts), tolds]).astype(np.int64)
    for first in range(0, len(rows), _BATCH):
        some = rows[first : first + _BATCH]
        found: dict[str, Any] = dict(zip(_NUMBERS, some.T, strict=True))
        found["numbers_sum"] = [zlib.crc32(row) for row in some]
        for name, (raw, width) in columns.items():
            found[name] = _blobs(raw, cuts[first : first + _BATCH + 1] * width)
            found[f"{name}_sum"] = [zlib.crc32(blob.as_buffer()) for blob in found[name]]
        arrays = [
            found[name] if name in _ARRAYS else pa.array(found[name], pa.int64()) for name in NAMES
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
    require([zlib.crc32(each) for each in raw] == sums, f"{name} of a pack came back changed")
    return [np.frombuffer(each, kind) for each in raw]
