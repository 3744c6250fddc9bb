"""The events of a window of hours, read without Spark for `--why-tag`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from databank.archive.config import ArchiveConfig
from databank.clock import last_hours
from databank.expressions import Macro
from databank.expressions.macros import ANY_EVENT
from databank.expressions.run_day import with_run_day
from databank.identity.explain import events_of
from databank.tables.published_reader import PublishedReader
from databank.tags.filters import event_dimension, event_filter, literal

_SHOWN = ("terminal", "event", "amount", "quantity")


@dataclass(frozen=True)
class RecentEvents:
    """Events of a window of hours, the newest first.

    Attributes:
        columns: Names: microseconds since 1970 first, the macro's dimension last, if it has one
            that DuckDB can read.
        rows: Their values.
        filtered: Whether the filter of the macro was read.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    filtered: bool


def recent_events_of(
    lookup: PublishedReader,
    persons: Collection[int],
    macro: Macro,
    archive: ArchiveConfig,
    *,
    as_of: date,
    zone: str,
) -> RecentEvents:
    """Read the events of some persons that a macro with a window of hours looks at.

    Args:
        lookup: The bank.
        persons: Whose events.
        macro: The macro.
        archive: What the dimensions of its filter are.
        as_of: The day with which its window ends.
        zone: Business time zone.
    """
    begin, end, first = last_hours(macro.hours or 0, as_of, zone)
    until, since = (int(at.timestamp()) * 1_000_000 for at in (end, begin))
    parts = [f"epoch_us(event_ts) >= {since}", f"epoch_us(event_ts) < {until}"]
    if macro.event != ANY_EVENT:
        parts.append(f"event = {literal(str(macro.event))}")
    condition = event_filter(with_run_day(macro.filter or "true", as_of), archive)
    parts += [condition] if condition else []
    shown = {"time": "epoch_us(event_ts)", **{name: name for name in _SHOWN}}
    # the archive keeps the terminal apart for every event
    value = event_dimension(str(macro.by), archive) if macro.by not in (None, *_SHOWN) else None
    if value is not None:
        shown[str(macro.by)] = value
    rows = events_of(
        lookup,
        persons,
        tuple(shown.values()),
        " AND ".join(parts),
        first=first,
        last=as_of,
    )
    return RecentEvents(tuple(shown), rows[::-1], condition is not None)
