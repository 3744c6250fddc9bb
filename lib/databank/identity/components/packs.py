"""Arrays of ids as rows of Spark.

A row of Spark for each id costs more than all work on the ids: from Arrow to the JVM's rows, to
Parquet or a shuffle, and back. So the steps hand each other packs: one row holds some ten thousand
ids as bytes, and moving a pack costs what moving its bytes costs.

A pack carries checksums, and whoever unpacks it tests them: bytes that changed are an error, and
never a wrong component.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from databank.identity.components.arrow import to_batches
from databank.identity.components.forest import Codes, Ids

# what the ids of a pack and their partners are
TREE, ROOT, LINK, LABEL, ASK, ANSWER = range(6)

# 256 KB of ids: small enough for Parquet's row groups (which never have fewer than 100 rows)
ROWS = 1 << 15
# packs that go to the JVM at a time
_BATCH = 64
_COLUMNS: dict[str, pa.DataType] = {
    "part": pa.int32(),
    "kind": pa.int32(),
    "origin": pa.int64(),
    "at": pa.int64(),
    "size": pa.int64(),
    "told": pa.int64(),
    "ids_sum": pa.int64(),
    "partners_sum": pa.int64(),
    "codes_sum": pa.int64(),
    "ids": pa.binary(),
    "partners": pa.binary(),
    "codes": pa.binary(),
}
SCHEMA = (
    "part int, kind int, origin bigint, at bigint, size bigint, told bigint, "
    "ids_sum bigint, partners_sum bigint, codes_sum bigint, "
    "ids binary, partners binary, codes binary"
)
_NUMBERS = ("size", "part", "kind", "origin", "at")
_ARRAYS: dict[str, type] = {"ids": np.int64, "partners": np.int64, "codes": np.int32}
_NOTHING = np.empty(0, np.int64)


class PackError(RuntimeError):
    """A pack is not what was packed: files changed, or a disk or a network is broken."""


class Pack(NamedTuple):
    """Some ids, and for each its partner (a root, a label), or none."""

    part: int  # the slice of ids whose task it is for
    kind: int
    origin: int  # the chunk or slice that it comes from
    at: int  # place of its first id there
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
    cuts = np.searchsorted(ids, starts)
    edges = np.unique(np.concatenate([np.arange(0, ids.size, ROWS), cuts, [ids.size]]))
    parts = np.searchsorted(cuts, edges[:-1], side="right") if part is None else None
    columns = {
        "ids": (pa.py_buffer(ids), 8),
        "partners": (pa.py_buffer(partners), 8 if partners.size else 0),
        "codes": (pa.py_buffer(_NOTHING if codes is None else codes), 0 if codes is None else 4),
    }
    for first in range(0, edges.size - 1, _BATCH):
        cut = edges[first : first + _BATCH + 1]
        n = cut.size - 1
        found: dict[str, Any] = {
            "part": np.full(n, part) if parts is None else parts[first : first + n],
            "kind": np.full(n, kind),
            "origin": np.full(n, origin),
            "at": cut[:-1] + at,
            "size": np.diff(cut),
            "told": np.where(cut[:-1] == 0, told, 0),
        }
        for name, (raw, width) in columns.items():
            found[name] = _blobs(raw, cut * width)
            found[f"{name}_sum"] = [zlib.crc32(blob.as_buffer()) for blob in found[name]]
        arrays = [pa.array(found[name], kept) for name, kept in _COLUMNS.items()]
        yield pa.RecordBatch.from_arrays(arrays, names=list(_COLUMNS))


def unpack(batches: Iterable[pa.RecordBatch]) -> Iterator[Pack]:
    """The packs of the batches; empty partners or codes where the batches lack that column.

    Raises:
        PackError: If one is not what was packed.
    """
    for batch in batches:
        numbers = [batch.column(name).to_pylist() for name in _NUMBERS]
        arrays = [_arrays(batch, name, kind) for name, kind in _ARRAYS.items()]
        for row, (size, *where) in enumerate(zip(*numbers, strict=True)):
            held = Pack(*where, *(each[row] for each in arrays))
            if held.ids.size != size:
                raise PackError("connected_components: ids of a pack got lost")
            yield held


def _arrays(batch: pa.RecordBatch, name: str, kind: type) -> list[NDArray[Any]]:
    if name not in batch.schema.names:
        return [np.empty(0, kind)] * batch.num_rows
    raw = [blob.as_buffer() for blob in batch.column(name)]
    if [zlib.crc32(each) for each in raw] != batch.column(f"{name}_sum").to_pylist():
        raise PackError(f"connected_components: {name} of a pack came back changed")
    return [np.frombuffer(each, kind) for each in raw]


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


def _blobs(raw: pa.Buffer, cuts: Ids) -> pa.Array:
    offsets = pa.py_buffer((cuts - cuts[0]).astype(np.int32))
    part = raw.slice(int(cuts[0]), int(cuts[-1] - cuts[0]))
    return pa.Array.from_buffers(pa.binary(), cuts.size - 1, [None, offsets, part])
