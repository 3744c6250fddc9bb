"""A person's day in its order: what `databank person --day` tells of events and sessions."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from databank.archive.config import ArchiveConfig
from databank.cli.show import Section
from databank.clock import from_microseconds
from databank.config import ConfigReader, Settings
from databank.identity.explain import events_of
from databank.tables.published_reader import PublishedReader


class _Event(NamedTuple):
    """An event of core.events; its first fields are the order of a day."""

    at: int  # microseconds since 1970
    source: str
    event_id: str
    terminal: str | None
    event: str
    page: str | None
    item: str | None
    amount: Decimal | None


class _Visit(NamedTuple):
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


def describe_day(lookup: PublishedReader, conf_dir: str, person: int, day: date) -> list[Section]:
    """The sessions of a person on a day, and the events in their order.

    Sessions are those of archive.visit; what lies in none of them comes last, which is all of it
    where the archive has no sessions. Of core.events only files with the day are read.

    Args:
        lookup: The bank.
        conf_dir: Its time zone, and the events that make sessions; defaults where it is none.
        person: The person, as persons are now.
        day: Day of the business time zone.
    """
    zone, counted = _config(conf_dir)
    events, visits = _events(lookup, person, day), _visits(lookup, person, day)
    sections = [Section(f"sessions on {day}", [_shown(each, zone) for each in visits])]
    left = events
    for visit in visits:
        mine = [each for each in left if visit.first <= each.at <= visit.last]
        left = [each for each in left if not visit.first <= each.at <= visit.last]
        length = f"{_time(visit.first, zone)} to {_time(visit.last, zone)}"
        title = f"session {visit.number}: {length}, {visit.channel}"
        sections.append(Section(title, _told(mine, zone, counted)))
    title = "in no session" if visits else f"events on {day}"
    sections.append(Section(title, _told(left, zone, ())))
    return [section for section in sections if section.rows]


def _config(conf_dir: str) -> tuple[ZoneInfo, tuple[str, ...] | None]:
    """The time zone, and which events make sessions; None = all."""
    if not Path(conf_dir).is_dir():
        return ZoneInfo(Settings().timezone), None
    reader = ConfigReader(conf_dir)
    settings = reader.read_file("databank.yml", Settings, optional=True)
    archive = reader.read_file("archive.yml", ArchiveConfig, optional=True)
    reader.finish()
    sessions = archive.sessions if archive else None
    return ZoneInfo((settings or Settings()).timezone), sessions.events if sessions else None


def _events(lookup: PublishedReader, person: int, day: date) -> list[_Event]:
    """Events of the day that are the person's, in their order."""
    columns = (
        "epoch_us(event_ts)", "source", "event_id", "terminal", "event", "page", "item_id",
        "amount",
    )  # fmt: skip
    found = events_of(lookup, [person], columns, first=day, last=day)
    return [_Event(*row) for row in found]


def _visits(lookup: PublishedReader, person: int, day: date) -> list[_Visit]:
    columns = ("number", "epoch_us(first_ts)", "epoch_us(last_ts)", *_Visit._fields[3:])
    rows = lookup.on_days("archive.visit", columns, "person_id = ?", [person], first=day, last=day)
    return [_Visit(*row) for row in rows]


def _told(
    events: list[_Event], zone: ZoneInfo, counted: Iterable[str] | None
) -> list[dict[str, Any]]:
    """Rows of events; seconds run to the next one that counts for the session."""
    ends: dict[int, int] = {}
    places = [n for n, e in enumerate(events) if counted is None or e.event in counted]
    for this, following in pairwise(places):
        ends[this] = events[following].at
    return [
        {
            "time": _time(event.at, zone),
            "terminal": event.terminal,
            "event": event.event,
            "page": _plain(event.page),
            "item": event.item,
            "amount": None if event.amount is None else float(event.amount),
            "seconds": round((ends[n] - event.at) / 1e6, 1) if n in ends else None,
        }
        for n, event in enumerate(events)
    ]


def _shown(visit: _Visit, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "session": visit.number,
        "from": _time(visit.first, zone),
        "to": _time(visit.last, zone),
        "seconds": round(float(visit.seconds), 1),
        "events": visit.events,
        "pages": visit.pages,
        "terminals": ", ".join(visit.terminals) or None,
        "entry": visit.entry,
        "exit": visit.exit,
        "channel": visit.channel,
        "source": visit.source,
        "medium": visit.medium,
        "campaign": visit.campaign,
    }


def _plain(page: str | None) -> str | None:
    """A page without query, fragment, user and password, which may hold anything."""
    plain = (page or "").partition("?")[0].partition("#")[0]
    return re.sub(r"^((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)[^/@]*@", r"\1", plain) or None


def _time(microseconds: int, zone: ZoneInfo) -> str:
    at = from_microseconds(microseconds).astimezone(zone)
    return f"{at:%H:%M:%S}"
