"""What was received, grouped so that today's configuration can parse it once more."""

from collections.abc import Mapping

from pyspark.sql import DataFrame, functions as F

from databank.sources.fields import ParseGroup, make_groups
from databank.sources.formats.base import SourceFormat
from databank.sources.formats.files import UnfitError
from databank.sources.units import SourceUnit


def groups_of_received(
    records: DataFrame, sources: Mapping[str, SourceFormat], *, root: str
) -> tuple[list[ParseGroup], list[str]]:
    """Group received records by what they need to be parsed.

    Args:
        records: raw.record, or whole units of it.
        sources: Sources of today by name; records of others are left out.
        root: Of the bank.

    Returns:
        The groups; and the names of units whose columns are no longer those of their source.
    """
    own = records.where(F.col("source").isin(sorted(sources)))
    header = F.min(F.struct("line", "value")).alias("first")
    units, unfit = [], []
    # a row a unit
    for row in own.groupBy("source", "file").agg(header).sort("source", "file").collect():
        source = sources[row["source"]]
        unit = _unit(source, row["file"], row["first"]["line"], row["first"]["value"], root)
        if unit is None:
            unfit.append(row["file"])
        else:
            units.append(unit)
    return make_groups(units, sources), unfit


def _unit(
    source: SourceFormat, name: str, line: int | None, first: str, root: str
) -> SourceUnit | None:
    """Describe a unit by its first record; None if its columns do not fit the source."""
    try:
        columns = source.columns_of(first or "")
    except UnfitError:
        return None
    if columns and set(source.fields()) - set(columns):
        return None
    return SourceUnit(
        source.source,
        name,
        place="",
        base=source.base(root),
        columns=columns,
        header_line=line or 0 if source.has_header else 0,
    )
