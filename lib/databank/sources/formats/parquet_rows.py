"""Rows of Parquet files as Arrow batches of types that Spark knows, file by file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from databank.sources.formats.lines import BROKEN_OFF
from databank.sources.formats.storage import file_system

_ROWS = 1 << 14  # of a batch
# types that Spark does not take from Arrow, and what they become without a loss of what is shown
_AS_TEXT = (
    pa.types.is_time,
    pa.types.is_duration,
    pa.types.is_decimal256,
    pa.types.is_null,
    pa.types.is_large_string,
    pa.types.is_string_view,
)


@dataclass(frozen=True)
class ParquetPiece:
    """A file, or some row groups of it, and the number of rows before them."""

    name: str
    place: str
    groups: tuple[int, ...] | None = None
    rows_before: int = 0


def pieces_of(name: str, place: str) -> list[ParquetPiece]:
    """Cut a file into its row groups."""
    system, inner = file_system(place)
    metadata = pq.read_metadata(inner, filesystem=system)
    pieces, before = [], 0
    for group in range(metadata.num_row_groups):
        pieces.append(ParquetPiece(name, place, (group,), before))
        before += metadata.row_group(group).num_rows
    return pieces


def output_schema(names: Sequence[str], types: Sequence[pa.DataType]) -> pa.Schema:
    """Make the schema of read_rows: columns by their place, for names may be anything."""
    fields = [pa.field(f"c{place}", known_type(type_)) for place, type_ in enumerate(types)]
    own = [("file", pa.string()), ("line", pa.int64()), ("fault", pa.string())]
    return pa.schema([*own, *fields])


def known_type(type_: pa.DataType) -> pa.DataType:
    """Give the type under which Spark reads values of a type of Arrow."""
    if any(is_one(type_) for is_one in _AS_TEXT):
        return pa.string()
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", type_.tz and "UTC")
    if pa.types.is_dictionary(type_):
        return known_type(type_.value_type)
    if pa.types.is_unsigned_integer(type_):
        return pa.decimal128(20, 0) if type_.bit_width == 64 else pa.int64()
    if pa.types.is_float16(type_):
        return pa.float32()
    if pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_):
        return pa.binary()
    if (
        pa.types.is_list(type_)
        or pa.types.is_large_list(type_)
        or pa.types.is_fixed_size_list(type_)
    ):
        return pa.list_(known_type(type_.value_type))
    if pa.types.is_map(type_):
        return pa.map_(known_type(type_.key_type), known_type(type_.item_type))
    if pa.types.is_struct(type_):
        return pa.struct([(each.name, known_type(each.type)) for each in type_])
    return type_


def read_rows(piece: ParquetPiece, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Read a piece as batches of a schema that output_schema made.

    A file that cannot be read to its end ends with a row whose fault says so.
    """
    row = piece.rows_before
    try:
        system, inner = file_system(piece.place)
        with system.open_input_file(inner) as stream:
            file = pq.ParquetFile(stream)
            for batch in file.iter_batches(batch_size=_ROWS, row_groups=piece.groups):
                numbers = pa.array(range(row + 1, row + 1 + batch.num_rows), pa.int64())
                row += batch.num_rows
                yield _batch(piece.name, numbers, batch.columns, schema)
    except (OSError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or ["it cannot be read"])[0][:200]
        columns = [pa.nulls(1, field.type) for field in list(schema)[3:]]
        own = [pa.array([piece.name]), pa.array([row + 1]), pa.array([f"{BROKEN_OFF}{reason}"])]
        yield pa.record_batch([*own, *columns], schema=schema)


def _batch(
    name: str, numbers: pa.Array, columns: Sequence[pa.Array], schema: pa.Schema
) -> pa.RecordBatch:
    size = len(numbers)
    own = [pa.repeat(pa.scalar(name), size), numbers, pa.nulls(size, pa.string())]
    types = [field.type for field in list(schema)[3:]]
    # what is finer than a microsecond is cut off
    cast = [column.cast(type_, safe=False) for column, type_ in zip(columns, types, strict=True)]
    return pa.record_batch([*own, *cast], schema=schema)
