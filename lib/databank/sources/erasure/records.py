"""Received records that name an erased identifier leave raw.record and ops.quarantine."""

from collections.abc import Collection

from pyspark.sql import DataFrame, functions as F

from databank.quality.tables import QUARANTINE
from databank.runs import Context
from databank.session import checkpoint
from databank.sources.config import SourcesConfig
from databank.sources.erasure.core import loses_keys, remaining_keys
from databank.sources.erasure.request import Erasure
from databank.sources.keys import key_collisions, with_corrected_keys
from databank.sources.parse import parse_records, parsing_settings
from databank.sources.received import groups_of_received
from databank.sources.tables import IDENTIFIER, RAW_RECORD

_PLACE = ("source", "file", "line")


def remove_records(
    context: Context, config: SourcesConfig, records: DataFrame, erasures: Collection[Erasure]
) -> dict[str, int | str]:
    """Remove the records that name an erased identifier from raw.record and ops.quarantine.

    A record must be parsed to know what it names: all records of sources with identifiers are.

    Args:
        context: The run.
        config: All sources, not only those that are wanted.
        records: raw.record, or the part of it to search.
        erasures: What is erased.

    Returns:
        How many went, and units that could not be searched, for the short table.
    """
    sources = {source.source: source for source in config.sources if source.identifiers}
    groups, skipped = groups_of_received(records, sources, root=context.store.root)
    summary: dict[str, int | str] = {}
    if skipped:
        names = ", ".join(skipped[:3]) + (f" and {len(skipped) - 3} more" if skipped[3:] else "")
        summary["warning: not searched"] = (
            f"{names}; their columns are no longer those of the source"
        )
    if not groups:
        return summary
    # rows of formats without positions are recognised by their text
    placed = records.withColumn("line", F.coalesce("line", F.xxhash64("value")))
    with parsing_settings(context.spark):
        parsed = parse_records(
            placed, groups, config, day=context.day, timezone=context.settings.timezone
        )
        collisions = key_collisions(context.store.read(IDENTIFIER))
        parsed = with_corrected_keys(parsed, collisions)
        loses = loses_keys(remaining_keys(F.col("day"), erasures))
        places = checkpoint(parsed.where(loses).select(*_PLACE).distinct())
    same = "target.source = source.source AND target.file = source.file"
    for spec, text in ((RAW_RECORD, "value"), (QUARANTINE, "raw")):
        line = f"coalesce(target.line, xxhash64(target.{text}))"
        context.store.delete(spec, places, f"{same} AND {line} = source.line")
    return {"received records removed": places.count(), **summary}
