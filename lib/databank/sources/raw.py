"""New files become rows of raw.record: each file is opened once and unpacked once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, functions as F

from databank.sources.config import SourceConfig
from databank.sources.files import SourceFile, file_system
from databank.sources.lines import SCHEMA, TextFile, read_batches

_TASKS_A_CORE = 4
_SMALLEST_TASK = 4 << 20  # packed bytes: below this a task costs more than its work


def read_records(
    spark: SparkSession,
    sources: Mapping[str, SourceConfig],
    files: Sequence[SourceFile],
    *,
    root: str,
) -> DataFrame:
    """All records of the files: source, file, line, fault, value.

    Text is read by Arrow workers, one list of files a task; Parquet and Delta by Spark.
    """
    frames = []
    texts = [f for f in files if sources[f.source].format in ("csv", "json")]
    if texts:
        frames.append(_text_records(spark, sources, texts))
    for name, source in sources.items():
        mine = [f for f in files if f.source == name]
        if source.format == "parquet":
            # a column may be a number in one file and text in another: each reads as it is
            frames += [
                _parquet_records(spark, [f for f in mine if f.types == types], root)
                for types in sorted({f.types for f in mine})
            ]
        if source.format == "delta":
            frames += [_delta_records(spark, file) for file in mine]
    return reduce(DataFrame.unionByName, frames)


def _text_records(
    spark: SparkSession, sources: Mapping[str, SourceConfig], files: Sequence[SourceFile]
) -> DataFrame:
    tasks = [
        [
            TextFile(
                source=file.source,
                name=file.name,
                path=file.path,
                encoding=sources[file.source].encoding,
                quoted=sources[file.source].format == "csv",
            )
            for file in group
        ]
        for group in share_out(files, cores=spark.sparkContext.defaultParallelism)
    ]

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for file in tasks[number]:
                    yield from read_batches(file)

    # a range with as many partitions as rows: exactly one list of files a task
    numbers = spark.range(0, len(tasks), 1, len(tasks))
    return numbers.mapInArrow(read, SCHEMA)


def share_out(files: Sequence[SourceFile], *, cores: int) -> list[list[SourceFile]]:
    """Lists of files of about equal size, the big lists first, each of one source only.

    Files follow each other by name within a source, so that days stay together, and a later read
    of one source skips the files of the others.
    """
    target = max(_SMALLEST_TASK, sum(file.bytes for file in files) // (cores * _TASKS_A_CORE))
    lists: list[list[SourceFile]] = []
    room = 0
    for file in sorted(files, key=lambda f: (f.source, f.name)):
        if not lists or lists[-1][0].source != file.source or file.bytes > room:
            lists.append([])
            room = target
        lists[-1].append(file)
        room -= file.bytes
    return sorted(lists, key=lambda group: -sum(file.bytes for file in group))


def _parquet_records(spark: SparkSession, files: Sequence[SourceFile], root: str) -> DataFrame:
    rows = spark.read.parquet(*(file.path for file in files))
    # paths come back as URIs: %20 for a blank, but + for a plus
    uri = F.expr("url_decode(replace(_metadata.file_path, '+', '%2B'))")
    path = F.regexp_replace(uri, "^file:/+", "/")
    prefix = file_system(root)[1].rstrip("/") + "/" if _is_local(root) else f"{root.rstrip('/')}/"
    inside = F.substring(path, F.lit(len(prefix) + 1), F.length(path))
    name = F.when(F.startswith(path, F.lit(prefix)), inside).otherwise(path)
    return _as_json(rows, files[0].source, name)


def _is_local(path: str) -> bool:
    return path.startswith(("/", "file:"))


def _delta_records(spark: SparkSession, file: SourceFile) -> DataFrame:
    path, _, version = file.path.rpartition("@v")
    rows = spark.read.format("delta").option("versionAsOf", int(version)).load(path)
    return _as_json(rows, file.source, F.lit(file.name))


def _as_json(rows: DataFrame, source: str, file: Column) -> DataFrame:
    fields = F.struct(*(F.col(f"`{name}`") for name in rows.columns))
    return rows.select(
        F.lit(source).alias("source"),
        file.alias("file"),
        F.lit(None).cast("bigint").alias("line"),
        F.lit(None).cast("string").alias("fault"),
        F.to_json(fields).alias("value"),
    )
