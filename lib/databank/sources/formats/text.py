"""Formats whose units are text files, read by Arrow workers."""

import codecs
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from databank.sources.formats.files import FileFormat
from databank.sources.formats.sharing import read_by_workers, share_out
from databank.sources.units import SourceUnit

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from databank.sources.formats.lines import TextFile
    from databank.sources.formats.records import Splitter


class TextFormat(FileFormat):
    """Text files; .gz is unpacked."""

    encoding: str = Field(
        default="utf-8",
        description="Encoding of the text: utf-8, gb18030 ...; UTF-16 and UTF-32 are known by "
        "their byte order mark",
    )

    @abstractmethod
    def splitter(self, unit: SourceUnit) -> "Splitter":
        """Say how the lines of a unit become records."""

    def file(self, unit: SourceUnit) -> "TextFile":
        """Describe a unit for the worker that reads it."""
        from databank.sources.formats.lines import TextFile

        return TextFile(self.source, unit.name, unit.place, self.encoding, self.splitter(unit))

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str) -> str:
        try:
            plain = codecs.encode("\n", value) == b"\n"
        except LookupError:
            raise ValueError(f"unknown encoding {value!r}; write utf-8, gb18030 ...") from None
        if not plain:
            raise ValueError(
                f"{value!r} does not end lines by one byte; leave it out for files with a byte "
                "order mark, or convert them to utf-8"
            )
        return codecs.lookup(value).name

    def read_raw(
        self, spark: "SparkSession", units: Sequence[SourceUnit], *, root: str
    ) -> "DataFrame":
        """Read records by Arrow workers, one list of files a task; each file is unpacked once."""
        from databank.sources.formats.lines import SCHEMA, read_batches

        cores = spark.sparkContext.defaultParallelism
        tasks = [[self.file(unit) for unit in group] for group in share_out(units, cores=cores)]
        return read_by_workers(spark, tasks, read_batches, SCHEMA)
