"""csv: text with a header line, whose fields are found by their place."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from databank.sources.formats.files import CheckedFileFormat
from databank.sources.formats.text import TextFormat
from databank.sources.units import SourceUnit

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_HEADER = 1 << 16  # bytes that a header line may have


class CsvFormat(CheckedFileFormat, TextFormat):
    """CSV files with a header line; a quoted value may go over several lines; .gz is unpacked."""

    has_header: ClassVar[bool] = True
    quoted: ClassVar[bool] = True

    format: Literal["csv"]
    delimiter: str = Field(
        default=",", min_length=1, max_length=1, description="Sign between two fields"
    )

    def look_into(self, unit: SourceUnit) -> tuple[tuple[str, ...], SourceUnit]:
        """Read the header line."""
        from databank.sources.formats.storage import open_bytes

        with open_bytes(unit.place) as stream:
            first = stream.read(_HEADER).partition(b"\n")[0]
        line = first.decode(self.encoding, errors="replace").removeprefix("\ufeff").rstrip("\r")
        names = self.columns_of(line)
        return names, replace(unit, columns=names, first_line=line)

    def columns_of(self, first_line: str) -> tuple[str, ...]:
        """Split a header line into the names of its columns."""
        text = first_line.removeprefix("\ufeff")
        rows = csv.reader([text], delimiter=self.delimiter)
        return tuple(name.strip() for row in rows for name in row)

    def open_records(self, records: "DataFrame", columns: Sequence[str]) -> "DataFrame":
        """Read fields by their place; a record with too many or too few fields is bad."""
        from pyspark.sql import functions as F

        from databank.sources.opening import opened

        if not columns:
            none = F.lit("the header names no columns")
            return opened(records, self, bad=none, fields={})
        places = {name: f"c{i}" for i, name in enumerate(columns)}
        schema = ", ".join(f"{place} string" for place in [*places.values(), "_rest"])
        options = {
            "sep": self.delimiter,
            "escape": '"',
            "columnNameOfCorruptRecord": "_rest",
            "mode": "PERMISSIVE",
        }
        # parsed in a step of its own, so that no field parses the record again
        row = F.from_csv("_record.value", F.lit(schema), options)
        parsed = records.withColumn("_row", row)
        reason = F.lit(f"not as many fields as the header has ({len(places)})")
        bad = F.when(F.col("_row").isNull() | F.col("_row._rest").isNotNull(), reason)
        fields = {name: F.col(f"_row.{place}") for name, place in places.items()}
        return opened(parsed, self, bad=bad, fields=fields)
