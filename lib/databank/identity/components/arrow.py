"""Arrow batches to numpy and back, for functions that run in mapInArrow."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_BATCH = 1 << 18


def columns(batches: Iterable[pa.RecordBatch]) -> list[NDArray[np.int64]]:
    """All batches as one int64 array a column; empty list where there is no batch."""
    parts = [_views(batch) for batch in batches]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def chunks(batches: Iterable[pa.RecordBatch], *, rows: int) -> Iterator[list[NDArray[np.int64]]]:
    """The columns of at least `rows` rows at a time; rows with a null are left out."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        if any(column.null_count for column in batch.columns):
            batch = batch.drop_null()
        held.append(batch)
        size += batch.num_rows
        if size >= rows:
            yield columns(held)
            held, size = [], 0
    if size:
        yield columns(held)


def to_batches(names: list[str], *arrays: NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """Batches of a size the JVM takes well, without a copy of the arrays."""
    for start in range(0, arrays[0].size, _BATCH):
        parts = [pa.array(array[start : start + _BATCH]) for array in arrays]
        yield pa.RecordBatch.from_arrays(parts, names=names)


def _views(batch: pa.RecordBatch) -> list[NDArray[np.int64]]:
    return [column.to_numpy(zero_copy_only=True) for column in batch.columns]
