"""New units become rows of raw.record and raw.file: each is read once, as it was received."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pyspark.sql import DataFrame, functions as F

from databank.runs import Context
from databank.session import small_frame
from databank.sources.find import Sources
from databank.sources.formats.lines import BROKEN_OFF
from databank.sources.opening import union
from databank.sources.tables import RAW_FILE, RAW_RECORD
from databank.sources.units import SourceUnit

Counts = Mapping[tuple[str, str], int]  # records by source and name of the unit


def received(context: Context, load_id: str) -> DataFrame:
    """Read the records of a load as they were received."""
    return context.store.read(RAW_RECORD).where(F.col("load_id") == load_id)


def append_records(
    context: Context, sources: Sources, units: Sequence[SourceUnit], load_id: str
) -> tuple[list[SourceUnit], Counts]:
    """Append all records of the units.

    Returns:
        The units, those that broke off while they were read marked as truncated; and how many
        records each has: none for an empty or a refused one.
    """
    readable = [unit for unit in units if unit.status == "ok"]
    if not readable:
        return list(units), {}
    context.progress.step(f"reading {len(readable)} files")
    frames = []
    for name, source in sources.items():
        own = [unit for unit in readable if unit.source == name]
        if own:
            frames.append(source.read_raw(context.spark, own, root=context.store.root))
    context.store.append(RAW_RECORD, union(frames).withColumn("load_id", F.lit(load_id)))
    broken = F.when(F.startswith(F.col("fault"), F.lit(BROKEN_OFF)), F.col("fault"))
    # a row a unit
    rows = (
        received(context, load_id)
        .groupBy("source", "file")
        .agg(F.count("*").alias("n"), F.max(broken).alias("fault"))
        .collect()
    )
    counts = {(row["source"], row["file"]): row["n"] for row in rows}
    faults = {(row["source"], row["file"]): row["fault"] for row in rows if row["fault"]}
    listed = {
        (unit.source, unit.name): unit
        for source in {unit.source for unit in readable}
        for unit in sources[source].list_units(context.store.files, {})
    }
    read = [
        _as_read(unit, faults.get((unit.source, unit.name)), listed.get((unit.source, unit.name)))
        for unit in units
    ]
    _forget(context, [unit for unit in read if unit not in units], load_id)
    return read, counts


def _as_read(unit: SourceUnit, fault: str | None, now: SourceUnit | None) -> SourceUnit:
    """Refuse a unit that broke off while it was read, or was not left alone."""
    if unit.status != "ok" or unit.size is None:
        return unit
    if now is None:
        reason = "it was gone before it was read; the next run looks for it again"
        return replace(unit, status="gone", reason=reason)
    if now.state != unit.state:
        reason = "it was changed while it was read; the next run reads it again"
        return replace(unit, status="changed", reason=reason)
    if fault is not None:
        return replace(unit, status="truncated", reason=fault.removeprefix(BROKEN_OFF))
    return unit


def _forget(context: Context, refused: Sequence[SourceUnit], load_id: str) -> None:
    """Take back what was read of units that are refused after all."""
    if refused:
        names = [(unit.source, unit.name) for unit in refused]
        places = small_frame(context.spark, names, "source string, file string")
        same = "target.source = source.source AND target.file = source.file"
        context.store.delete(RAW_RECORD, places, f"{same} AND target.load_id = '{load_id}'")


def append_units(
    context: Context, units: Sequence[SourceUnit], counts: Counts, load_id: str
) -> None:
    """Write to raw.file what became of each unit."""
    rows = []
    for unit in units:
        n = counts.get((unit.source, unit.name), 0)
        # neither the header nor the row that marks the broken end is a record
        n -= bool(n) and unit.header_line > 0
        n -= unit.status == "truncated" and n > 0
        outcome = (load_id, n, unit.status, unit.reason, unit.digest, unit.position)
        rows.append((unit.source, unit.name, unit.size, unit.modified, *outcome))
    context.store.append(RAW_FILE, context.store.small(RAW_FILE, rows))
