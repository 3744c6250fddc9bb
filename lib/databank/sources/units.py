"""Units of the sources: what is loaded once, what is known of it, what is new."""

from collections.abc import Callable, Iterable, Mapping
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
        digest: Hash of its content; None = not known, or it is no file.
        position: How far it reaches: the version of a table, the last offset of a queue; None for
            a file.
        columns: Fields of its records in their order, where the records do not name them.
        schema: Columns with their types, as text, where they may differ from unit to unit.
        status: ok, or why it cannot be loaded, with the reason beside it.
        header_line: Where its header is; what comes behind it are records. 0 = it has none.
        first_line: For a unit whose columns do not fit, the line that names them.
    """

    source: str
    name: str
    place: str
    base: str = ""
    size: int | None = None
    modified: datetime | None = None
    digest: str | None = None
    position: int | None = None
    columns: tuple[str, ...] = ()
    schema: str = ""
    status: str = "ok"
    reason: str | None = None
    header_line: int = 0
    first_line: str | None = None

    @property
    def state(self) -> tuple[int | None, datetime | None, int | None]:
        """Tell what shows that it has changed: size, time, position."""
        return (self.size, self.modified, self.position)


@dataclass(frozen=True)
class KnownUnit:
    """What raw.file says about a unit."""

    size: int | None
    modified: datetime | None
    position: int | None
    status: str
    digest: str | None = None
    load_id: str = ""

    def is_same(self, unit: SourceUnit) -> bool:
        """Tell whether the unit is what it was when it was listed here."""
        return (self.size, self.modified, self.position) == unit.state


# tried again although nothing of them has changed: by another configuration they may fit, and a
# folder may have been out of reach
RETRIED = ("columns", "gone")

Known = Mapping[tuple[str, str], KnownUnit]  # by source and name


def split_new(
    units: Iterable[SourceUnit], known: Known, digest_of: Callable[[SourceUnit], str | None]
) -> tuple[list[SourceUnit], list[SourceUnit]]:
    """Tell units to load from loaded units that were altered since, which are left alone.

    A unit that could not be loaded is tried again when it has changed, and for some causes always.
    A loaded one with another time and the same content was copied, and not altered.
    """
    new, altered = [], []
    for unit in units:
        former = known.get((unit.source, unit.name))
        if former is None:
            new.append(unit)
        elif former.status == "ok":
            if not former.is_same(unit) and not _is_copy(unit, former, digest_of):
                altered.append(unit)
        elif not former.is_same(unit) or former.status in RETRIED:
            new.append(unit)
    return new, altered


def _is_copy(
    unit: SourceUnit, former: KnownUnit, digest_of: Callable[[SourceUnit], str | None]
) -> bool:
    if former.digest is None or (unit.size, unit.position) != (former.size, former.position):
        return False
    return digest_of(unit) == former.digest


def is_refused_again(unit: SourceUnit, known: Known) -> bool:
    """Tell whether a unit is refused as it was the last time, and needs no second report."""
    former = known.get((unit.source, unit.name))
    return former is not None and former.is_same(unit) and former.status == unit.status
