"""Records as they were received that name an erased identifier: they leave raw and quarantine."""

from collections.abc import Collection, Mapping

from pyspark.sql import DataFrame, functions as F

from databank.quality.tables import QUARANTINE
from databank.runs import Context
from databank.session import checkpoint
from databank.sources.config import SourceConfig, SourcesConfig
from databank.sources.erasure import Erasure, kept_keys, names_erased
from databank.sources.fields import ParseGroup
from databank.sources.files import split_header
from databank.sources.keys import key_collisions, with_corrected_keys
from databank.sources.parse import parse_records, parsing_settings
from databank.sources.tables import IDENTIFIER, RAW_RECORD

_PLACE = ("source", "file", "line")


def shred_records(
    context: Context, config: SourcesConfig, records: DataFrame, erased: Collection[Erasure]
) -> dict[str, int | str]:
    """Remove the records that name an erased identifier from raw.record and ops.quarantine.

    Which they are is only known when they are parsed: all records of sources with identifiers are.

    Args:
        context: The run.
        config: All sources, not only those that are wanted.
        records: raw.record, or the part of it to search.
        erased: What is erased.

    Returns:
        How many went, and sources that could not be searched, for the short table.
    """
    sources = {s.source: s for s in config.sources if s.identifiers}
    groups, skipped = _groups_of(records, sources)
    summary: dict[str, int | str] = {}
    if skipped:
        told = ", ".join(skipped[:3]) + (f" and {len(skipped) - 3} more" if skipped[3:] else "")
        summary["warning: not searched"] = (
            f"{told}; their columns are no longer those of the source"
        )
    if not groups:
        return summary
    # rows of formats without lines are told by their text
    placed = records.withColumn("line", F.coalesce("line", F.xxhash64("value")))
    with parsing_settings(context.spark):
        parsed = parse_records(
            placed, groups, config, day=context.day, timezone=context.settings.timezone
        )
        known = context.store.read(IDENTIFIER)
        parsed = with_corrected_keys(parsed, key_collisions(known))
        lost = names_erased(kept_keys(F.col("day"), erased))
        found = parsed.where(lost).select(*_PLACE).distinct()
        found = checkpoint(found)
    same = "target.source = source.source AND target.file = source.file"
    for spec, text in ((RAW_RECORD, "value"), (QUARANTINE, "raw")):
        line = f"coalesce(target.line, xxhash64(target.{text}))"
        context.store.delete(spec, found, f"{same} AND {line} = source.line")
    return {"received records removed": found.count(), **summary}


def _groups_of(
    records: DataFrame, sources: Mapping[str, SourceConfig]
) -> tuple[list[ParseGroup], list[str]]:
    """What was received from sources as it can be parsed today; and files that cannot be."""
    csv = {name for name, source in sources.items() if source.format == "csv"}
    mine = records.where(F.col("source").isin(sorted(sources)))
    header = F.max(F.when(F.col("line") == 1, F.col("value"))).alias("header")
    files: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    skipped = []
    # a row a file
    for row in mine.groupBy("source", "file").agg(header).sort("source", "file").collect():
        source, names = sources[row["source"]], tuple[str, ...]()
        if source.source in csv:
            text = (row["header"] or "").removeprefix("\ufeff")
            names = tuple(split_header(text, source.delimiter))
            if set(source.fields()) - set(names):
                skipped.append(row["file"])
                continue
        files.setdefault((source.source, names), []).append(row["file"])
    groups = [
        ParseGroup(sources[name], header, tuple(named), "")
        for (name, header), named in files.items()
    ]
    return groups, skipped
