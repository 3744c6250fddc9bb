"""csv: text whose fields are found by their place."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from databank.sources.formats.csv_records import CsvRecords
from databank.sources.formats.files import CheckedFileFormat, UnfitError, refuse_repeated
from databank.sources.formats.text import TextFormat
from databank.sources.units import SourceUnit

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_HEADER_BLOCK = 1 << 16  # bytes that are read at once to find the header


class CsvFormat(CheckedFileFormat, TextFormat):
    """CSV files; a quoted value may go over several lines; .gz is unpacked."""

    format: Literal["csv"]
    delimiter: str = Field(
        default=",", min_length=1, max_length=1, description="Sign between two fields"
    )
    escape: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="Sign before a quote inside a quoted value, where it is not a second quote",
    )
    header: Literal["line", "none"] = Field(
        default="line", description="Whether the first record names the columns"
    )
    names: tuple[str, ...] = Field(
        default=(), description="Names of the columns of files without a header, in their order"
    )

    @model_validator(mode="after")
    def _columns_have_names(self) -> Self:
        if (self.header == "none") != bool(self.names):
            raise ValueError(
                "`header: none` and `names` belong together; write {header: none, names: [id, ts]}"
            )
        return self

    @property
    def has_header(self) -> bool:
        """Tell whether the first record names the columns."""
        return self.header == "line"

    def splitter(self, unit: SourceUnit) -> CsvRecords:
        """Split into records that have as many fields as the unit has columns."""
        return CsvRecords(self.delimiter, self.escape, len(unit.columns) or None)

    def look_into(self, unit: SourceUnit) -> tuple[tuple[str, ...], SourceUnit]:
        """Read the header: the first record."""
        from databank.sources.formats.csv_records import separator
        from databank.sources.formats.text_stream import read_lines

        lines, encoding = read_lines(unit.place, self.encoding, block=_HEADER_BLOCK)
        blocks, top = [], None
        while top is None and (block := next(lines, None)) is not None:
            blocks.append(block)
            top = next((line for line in block.lines if line.strip()), None)
        declared = separator(top or b"")
        if declared not in (None, self.delimiter):
            raise UnfitError(f"it says sep={declared}, and `delimiter` is {self.delimiter!r}")
        if not self.has_header:
            return self.names, replace(unit, columns=self.names)
        for records in self.splitter(unit).split(chain(blocks, lines)):
            if records.values:
                text = records.values[0].decode(encoding, errors="replace")
                names = self.columns_of(text)
                line = records.numbers[0]
                return names, replace(unit, columns=names, header_line=line, first_line=text)
        return (), unit

    def columns_of(self, first_line: str) -> tuple[str, ...]:
        """Split a header into the names of its columns; one without a name is named by its place.

        Raises:
            UnfitError: If two columns have the same name.
        """
        if not self.has_header:
            return self.names
        rows = csv.reader([first_line], delimiter=self.delimiter, escapechar=self.escape)
        names = tuple(name.strip() for row in rows for name in row)
        refuse_repeated(filter(None, names), first_line)
        return tuple(name or f"column_{place}" for place, name in enumerate(names, 1))

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
            "escape": self.escape or '"',
            "columnNameOfCorruptRecord": "_rest",
            "mode": "PERMISSIVE",
            "maxColumns": str(len(places) + 1000),
        }
        # parsed in a step of its own, so that no field parses the record again
        row = F.from_csv("_record.value", F.lit(schema), options)
        parsed = records.withColumn("_row", row)
        reason = F.lit(f"not as many fields as there are columns ({len(places)})")
        bad = F.when(F.col("_row").isNull() | F.col("_row._rest").isNotNull(), reason)
        fields = {name: F.col(f"_row.{place}") for name, place in places.items()}
        return opened(parsed, self, bad=bad, fields=fields)
