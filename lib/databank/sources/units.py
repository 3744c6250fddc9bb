"""Units of the sources: what is loaded once, what is known of it, what is new."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SourceUnit:
    """A piece of a source that is loaded once: a file, a version of a table, a range of a queue.

    Attributes:
        name: As shown and stored; a file under the root is named relative to it.
        place: Where the format finds it.
        base: What the names of all units of the source begin with; a hash of the position leaves
            it out.
        size: Bytes of a file; None = the unit is no file.
        modified: When it was last changed; None = the format does not tell.
        position: How far it reaches: the version of a table, the last offset of a queue; None for
            a file.
        columns: Fields of its records in their order, where the records do not name them.
        schema: Columns with their types, as text, where they may differ from unit to unit.
        status: ok, or why it cannot be loaded, with the reason beside it.
        first_line: For a unit whose columns do not fit, the line that names them.
    """

    source: str
    name: str
    place: str
    base: str = ""
    size: int | None = None
    modified: datetime | None = None
    position: int | None = None
    columns: tuple[str, ...] = ()
    schema: str = ""
    status: str = "ok"
    reason: str | None = None
    first_line: str | None = None

    @property
    def extent(self) -> int:
        """Tell how much there is of it, by size or position; another extent is another content."""
        return self.size if self.size is not None else self.position or 0


@dataclass(frozen=True)
class KnownUnit:
    """What raw.file says about a unit."""

    size: int | None
    modified: datetime | None
    position: int | None
    status: str

    def is_same(self, unit: SourceUnit) -> bool:
        """Tell whether the unit is what it was when it was listed here."""
        return (self.size, self.modified, self.position) == (
            unit.size,
            unit.modified,
            unit.position,
        )


Known = Mapping[tuple[str, str], KnownUnit]  # by source and name


def split_new(
    units: Iterable[SourceUnit], known: Known
) -> tuple[list[SourceUnit], list[SourceUnit]]:
    """Tell units to load from loaded units that were altered since, which are left alone.

    A unit that could not be loaded is tried again when it has changed; one whose columns did not
    fit also when the configuration may have changed.
    """
    new, altered = [], []
    for unit in units:
        former = known.get((unit.source, unit.name))
        if former is None:
            new.append(unit)
        elif former.status == "ok":
            altered += [] if former.is_same(unit) else [unit]
        elif not former.is_same(unit) or former.status == "columns":
            new.append(unit)
    return new, altered


def is_refused_again(unit: SourceUnit, known: Known) -> bool:
    """Tell whether a unit is refused as it was the last time, and needs no second report."""
    former = known.get((unit.source, unit.name))
    return former is not None and former.is_same(unit) and former.status == unit.status
