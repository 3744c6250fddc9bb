"""Formats whose units are text files, read line by line by Arrow workers."""

import codecs
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from databank.sources.formats.files import FileFormat
from databank.sources.units import SourceUnit

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_TASKS_A_CORE = 4
_SMALLEST_TASK = 4 << 20  # packed bytes: below this a task costs more than its work


class TextFormat(FileFormat):
    """Text files, one record a line; .gz is unpacked."""

    quoted: ClassVar[bool] = False  # whether a quoted value may go over several lines

    encoding: str = Field(default="utf-8", description="Encoding of the text: utf-8, gb18030 ...")

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str) -> str:
        try:
            plain = codecs.encode("\n", value) == b"\n"
        except LookupError:
            raise ValueError(f"unknown encoding {value!r}; write utf-8, gb18030 ...") from None
        if not plain:
            raise ValueError(f"{value!r} does not end lines by one byte; convert it to utf-8")
        return codecs.lookup(value).name

    def read_raw(
        self, spark: "SparkSession", units: Sequence[SourceUnit], *, root: str
    ) -> "DataFrame":
        """Read lines by Arrow workers, one list of files a task; each file is unpacked once."""
        from databank.sources.formats.lines import SCHEMA, TextFile, read_batches

        tasks = [
            [
                TextFile(self.source, unit.name, unit.place, self.encoding, self.quoted)
                for unit in group
            ]
            for group in share_out(units, cores=spark.sparkContext.defaultParallelism)
        ]

        def read(batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
            for batch in batches:
                for number in batch.column(0).to_pylist():
                    for file in tasks[number]:
                        yield from read_batches(file)

        # a range with as many partitions as rows: exactly one list of files a task
        numbers = spark.range(0, len(tasks), 1, len(tasks))
        return numbers.mapInArrow(read, SCHEMA)


def share_out(units: Sequence[SourceUnit], *, cores: int) -> list[list[SourceUnit]]:
    """Cut the files of a source into lists of about equal size, the big lists first.

    Files follow each other by name, so that days stay together.
    """
    target = max(_SMALLEST_TASK, sum(map(_size, units)) // (cores * _TASKS_A_CORE))
    lists: list[list[SourceUnit]] = []
    room = 0
    for unit in sorted(units, key=lambda each: each.name):
        if not lists or _size(unit) > room:
            lists.append([])
            room = target
        lists[-1].append(unit)
        room -= _size(unit)
    return sorted(lists, key=lambda group: -sum(map(_size, group)))


def _size(unit: SourceUnit) -> int:
    return unit.size or 0
