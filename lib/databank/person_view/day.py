"""A person's day in its order: sessions, and the events of each."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from databank.clock import from_microseconds
from databank.identity.explain import events_of
from databank.person_view.settings import ViewSettings
from databank.tables.published_reader import PublishedReader


class Event(NamedTuple):
    """An event of core.events; its first fields are the order of a day."""

    at: int  # microseconds since 1970
    source: str
    event_id: str
    terminal: str | None
    event: str
    page: str | None
    item_id: str | None
    amount: Decimal | None


class Visit(NamedTuple):
    """A row of archive.visit."""

    number: int
    first: int  # microseconds since 1970
    last: int
    seconds: Decimal
    events: int
    pages: int
    terminals: list[str]
    entry: str | None
    exit: str | None
    channel: str
    source: str | None
    medium: str | None
    campaign: str | None


@dataclass(frozen=True)
class TimedEvent:
    """An event with its business time, and the seconds until the next one of its session."""

    time: datetime
    event: Event
    seconds: float | None

    @property
    def page(self) -> str | None:
        """The page without query, fragment, user and password, which may hold anything."""
        plain = (self.event.page or "").partition("?")[0].partition("#")[0]
        return re.sub(r"^((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)[^/@]*@", r"\1", plain) or None


@dataclass(frozen=True)
class SessionView:
    """A session with its events in their order."""

    visit: Visit
    first: datetime
    last: datetime
    events: list[TimedEvent]


@dataclass(frozen=True)
class DayView:
    """What a person did on a day.

    Attributes:
        day: Day of the business time zone.
        sessions: Those of archive.visit, in their order.
        other_events: Events in no session; all of them where the archive has no sessions.
    """

    day: date
    sessions: list[SessionView] = field(default_factory=list)
    other_events: list[TimedEvent] = field(default_factory=list)


def view_day(reader: PublishedReader, settings: ViewSettings, person_id: int, day: date) -> DayView:
    """Read a person's sessions and events of a day; only files with the day are read.

    Args:
        reader: The warehouse.
        settings: Time zone, and the events that make sessions.
        person_id: The person, as persons are now.
        day: Day of the business time zone.
    """
    left, sessions = _events(reader, person_id, day), []
    for visit in _visits(reader, person_id, day):
        inside = [event for event in left if visit.first <= event.at <= visit.last]
        left = [event for event in left if not visit.first <= event.at <= visit.last]
        first, last = (_local(at, settings.zone) for at in (visit.first, visit.last))
        timed = _timed(inside, settings.zone, settings.session_events)
        sessions.append(SessionView(visit, first, last, timed))
    return DayView(day, sessions, _timed(left, settings.zone, ()))


def _events(reader: PublishedReader, person_id: int, day: date) -> list[Event]:
    columns = ("epoch_us(event_ts)", *Event._fields[1:])
    rows = events_of(reader, [person_id], columns, first=day, last=day)
    return [Event(*row) for row in rows]


def _visits(reader: PublishedReader, person_id: int, day: date) -> list[Visit]:
    columns = ("number", "epoch_us(first_ts)", "epoch_us(last_ts)", *Visit._fields[3:])
    where = "person_id = ?"
    rows = reader.on_days("archive.visit", columns, where, [person_id], first=day, last=day)
    return [Visit(*row) for row in rows]


def _timed(
    events: list[Event], zone: ZoneInfo, session_events: tuple[str, ...] | None
) -> list[TimedEvent]:
    """Give each event that counts for the session the seconds to the next one that does."""
    counted = [
        place
        for place, event in enumerate(events)
        if session_events is None or event.event in session_events
    ]
    ends = {place: events[following].at for place, following in pairwise(counted)}
    return [
        TimedEvent(
            _local(event.at, zone),
            event,
            round((ends[place] - event.at) / 1e6, 1) if place in ends else None,
        )
        for place, event in enumerate(events)
    ]


def _local(microseconds: int, zone: ZoneInfo) -> datetime:
    return from_microseconds(microseconds).astimezone(zone)
