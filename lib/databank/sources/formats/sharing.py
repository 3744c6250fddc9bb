"""Share the files of a source out to tasks of about equal size, and read them there by Arrow."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from databank.sources.units import SourceUnit

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

P = TypeVar("P")  # what a worker reads at once: a file, or a part of one

_TASKS_A_CORE = 4
_SMALLEST_TASK = 4 << 20  # packed bytes: below this a task costs more than its work


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


def read_by_workers(
    spark: "SparkSession",
    tasks: Sequence[Sequence[P]],
    read_one: "Callable[[P], Iterable[pa.RecordBatch]]",
    schema: "StructType | str",
) -> "DataFrame":
    """Read lists of files by Arrow workers, a list a task; each file is read once."""

    def read(batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for each in tasks[number]:
                    yield from read_one(each)

    # a range with as many partitions as rows: exactly one list a task
    return spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(read, schema)
