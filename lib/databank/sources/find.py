"""Find the units to load: what the sources have now, less what raw.file knows."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from databank.errors import DataBankError
from databank.sources.config import SourcesConfig
from databank.sources.formats.base import SourceFormat
from databank.sources.tables import RAW_FILE
from databank.sources.units import KnownUnit, SourceUnit, is_refused_again, split_new
from databank.tables.files import Files
from databank.tables.state import BankState

if TYPE_CHECKING:
    import pyarrow as pa

Key = tuple[str, str]  # source, name of a unit
Sources = Mapping[str, SourceFormat]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATE = ("bytes", "modified", "position", "status", "digest", "load_id")
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


def find_units(sources: Sources, files: Files, known: Mapping[Key, KnownUnit]) -> Listing:
    """List the units of all sources, and look into the new ones.

    Args:
        sources: By name.
        files: Of the bank, which say where its root is.
        known: As `known_units` gives them.

    Raises:
        DataBankError: If a source has nothing, and never had.
    """
    listing = Listing([], [], [])
    for name, source in sources.items():
        own = {key: unit for key, unit in known.items() if key[0] == name}
        units = source.list_units(files, own)
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


def has_units(config: SourcesConfig, state: BankState) -> bool:
    """Tell whether there is a unit to load, or to warn of; or a source without any, an error."""
    sources = {each.source: each for each in config.sources}
    files = state.rows(RAW_FILE)
    try:
        listing = find_units(sources, state.files, {} if files is None else known_units(files))
    except DataBankError:
        return True
    return bool(listing.new or listing.altered)


def _looked_at(source: SourceFormat, unit: SourceUnit) -> SourceUnit:
    if unit.status != "ok":  # refused where it was listed
        return unit
    inspected = source.inspect(unit)
    return replace(inspected, digest=source.digest(unit)) if inspected.status == "ok" else inspected


def known_units(files: "pa.Table") -> dict[Key, KnownUnit]:
    """Read what raw.file says last about each unit.

    Args:
        files: Rows of raw.file; a row a unit and load that met it, so few enough for the driver.
    """
    known: dict[Key, tuple[tuple[Any, ...], dict[str, Any]]] = {}
    for row in files.select(["source", "file", *_STATE]).to_pylist():
        # a refused unit may be loaded later, never the other way round
        order = (row["status"] == "ok", row["modified"] or _EPOCH, row["load_id"])
        key = (row["source"], row["file"])
        if key not in known or order > known[key][0]:
            known[key] = order, row
    return {
        key: KnownUnit(
            row["bytes"],
            row["modified"],
            row["position"],
            row["status"],
            row["digest"],
            row["load_id"],
        )
        for key, (_, row) in known.items()
    }
