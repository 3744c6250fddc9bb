"""Find the units to load: what the sources have now, less what raw.file knows."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from pyspark.sql import functions as F

from databank.errors import DataBankError
from databank.runs import Context
from databank.sources.formats.base import SourceFormat
from databank.sources.tables import RAW_FILE
from databank.sources.units import KnownUnit, SourceUnit, is_refused_again, split_new

Sources = Mapping[str, SourceFormat]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READERS = 8  # units looked into at the same time; most of it is waiting for the storage


class Listing(NamedTuple):
    """What the sources have now.

    Attributes:
        new: Units to load, those that are to be refused included.
        altered: Units that were loaded, and altered since.
        tries: Loads that could not load one of the new units.
    """

    new: list[SourceUnit]
    altered: list[SourceUnit]
    tries: list[str]


def find_units(context: Context, sources: Sources) -> Listing:
    """List the units of all sources, and look into the new ones.

    Raises:
        DataBankError: If a source has nothing, and never had.
    """
    known = _known_units(context)
    listing = Listing([], [], [])
    for name, source in sources.items():
        own = {key: unit for key, unit in known.items() if key[0] == name}
        units = source.list_units(context.store, own)
        if not units and not own:
            raise DataBankError(f"source {name}: {source.why_empty()}")
        new, altered = split_new(units, own, source.digest)
        with ThreadPoolExecutor(_READERS) as pool:
            inspected = list(pool.map(partial(_looked_at, source), new))
        listing.new.extend(unit for unit in inspected if not is_refused_again(unit, own))
        listing.altered.extend(altered)
        listing.tries.extend(
            own[name, each.name].load_id for each in new if (name, each.name) in own
        )
    return listing


def _looked_at(source: SourceFormat, unit: SourceUnit) -> SourceUnit:
    if unit.status != "ok":  # refused where it was listed
        return unit
    inspected = source.inspect(unit)
    return replace(inspected, digest=source.digest(unit)) if inspected.status == "ok" else inspected


def _known_units(context: Context) -> dict[tuple[str, str], KnownUnit]:
    """Read what raw.file says last about each unit; a row a unit, so few enough for the driver."""
    modified = F.unix_micros("modified").alias("modified")
    state = F.struct("bytes", modified, "position", "status", "digest", "load_id")
    # a refused unit may be loaded later, never the other way round
    order = F.struct(F.col("status") == "ok", "modified", "load_id")
    rows = context.store.read(RAW_FILE).groupBy("source", "file")
    return {
        (row["source"], row["file"]): KnownUnit(
            row["last"]["bytes"],
            _moment(row["last"]["modified"]),
            row["last"]["position"],
            row["last"]["status"],
            row["last"]["digest"],
            row["last"]["load_id"],
        )
        for row in rows.agg(F.max_by(state, order).alias("last")).collect()
    }


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)
