"""Simulate blocks on the workers; each partition leaves one Parquet file a table."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession, functions as F

from databank.demo.block import PersonBlock, simulate
from databank.demo.config import WorldSettings
from databank.demo.offline import ads_rows, crm_rows, pos_rows
from databank.demo.online import app_rows, bot_rows, miniprogram_rows, web_rows
from databank.demo.people import BLOCK
from databank.demo.truth import future_rows, identifier_rows, person_rows

SOURCES = ("web", "app", "miniprogram", "crm", "pos", "ads")
TRUTH = ("identifier", "person", "future")
_BLOCKS_A_TASK = 4  # fixed, so that the files do not depend on the number of cores


def _web_with_bots(block: PersonBlock) -> pa.Table:
    people = web_rows(block)
    return pa.concat_tables([people, bot_rows(block, people.schema)])


# In this order: the identifiers of truth are those which the sources before it have used.
_BUILDERS: Mapping[str, Callable[[PersonBlock], pa.Table]] = {
    "web": _web_with_bots,
    "app": app_rows,
    "miniprogram": miniprogram_rows,
    "crm": crm_rows,
    "pos": pos_rows,
    "ads": ads_rows,
    "identifier": identifier_rows,
    "person": person_rows,
    "future": future_rows,
}


def stage(spark: SparkSession, folder: Path, settings: WorldSettings) -> dict[str, int]:
    """Write every table of the world to `<folder>/<table>/*.parquet`; return rows per table.

    Files are named by the first block they hold, so a repeated task writes the same file again.
    """
    for table in _BUILDERS:
        (folder / table).mkdir(parents=True, exist_ok=True)
    blocks = -(-settings.persons // BLOCK)
    tasks = -(-blocks // _BLOCKS_A_TASK)

    def simulate_blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        numbers = [n for batch in batches for n in batch.column(0).to_pylist()]
        counts = _write_blocks(folder, settings, numbers)
        yield pa.RecordBatch.from_pydict({t: [counts.get(t, 0)] for t in _BUILDERS})

    schema = ", ".join(f"{table} bigint" for table in _BUILDERS)
    counted = spark.range(0, blocks, 1, tasks).mapInArrow(simulate_blocks, schema)
    totals = counted.agg(*[F.sum(table).alias(table) for table in _BUILDERS]).first()
    return {} if totals is None else {t: int(totals[t]) for t in _BUILDERS}


def _write_blocks(folder: Path, settings: WorldSettings, blocks: list[int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for number in blocks:
            block = simulate(settings, number)
            for table, build in _BUILDERS.items():
                rows = build(block)
                if table not in writers:
                    path = folder / table / f"block-{blocks[0]:06d}.parquet"
                    writers[table] = pq.ParquetWriter(path, rows.schema, compression="zstd")
                writers[table].write_table(rows)
                counts[table] = counts.get(table, 0) + rows.num_rows
    finally:
        for writer in writers.values():
            writer.close()
    return counts
