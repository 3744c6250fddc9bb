"""Answer who owns identifiers and events, and why, without Spark."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from databank.clock import from_microseconds
from databank.identity.config import IdentityConfig, Pair
from databank.identity.evidence_path import EvidenceRow, Link, shortest_path
from databank.identity.identifier_query import Identifier, identifiers_by_key
from databank.identity.rules import FORMAT_RULE, LINKAGE_RULE, MANUAL_RULE
from databank.tables.published_reader import PublishedReader


class OwnershipPeriod(NamedTuple):
    """An identifier that belongs to a person on the days [valid_from, valid_to); null = open."""

    id_key: int
    person_id: int
    valid_from: date | None
    valid_to: date | None

    def covers(self, day: date | None) -> bool:
        """Tell whether the period covers a day; null = today, after all days of the bank."""
        if day is None:
            return self.valid_to is None
        return (self.valid_from or date.min) <= day < (self.valid_to or date.max)


class Rejection(NamedTuple):
    """A row of identity.rejected."""

    a_key: int
    b_key: int | None
    rule: str
    reason: str
    day: date


@dataclass(frozen=True)
class Explanation:
    """What ties two identifiers, or what kept them apart.

    Attributes:
        path: Links from one identifier to the other; None if they are not one person or no record
            that is kept ties them.
        holders: Ownership periods of each of the two.
        one_person: Whether one person owns both.
        refused: What was rejected about the identifiers of the path, or about the two.
        names: All identifiers named above, by key.
    """

    path: list[Link] | None
    holders: dict[int, list[OwnershipPeriod]]
    one_person: bool
    refused: list[Rejection]
    names: dict[int, Identifier]


def owners_of(reader: PublishedReader, keys: Sequence[int]) -> dict[int, list[OwnershipPeriod]]:
    """Read the ownership periods of identifiers, the first first; none if it is excluded."""
    rows = reader.by_keys("identity.person", OwnershipPeriod._fields, "id_key", keys)
    periods = sorted(map(OwnershipPeriod._make, rows), key=lambda p: p.valid_from or date.min)
    return {key: [period for period in periods if period.id_key == key] for key in keys}


def identifiers_of(reader: PublishedReader, person_id: int) -> list[OwnershipPeriod]:
    """Read all ownership periods of a person, also those that have ended."""
    rows = reader.find("identity.person", OwnershipPeriod._fields, "person_id = ?", [person_id])
    return [OwnershipPeriod(*row) for row in rows]


def rejections_of(reader: PublishedReader, keys: Collection[int]) -> list[Rejection]:
    """Read what was rejected about identifiers."""
    listed = ", ".join(map(str, sorted(keys))) or "NULL"
    where = f"a_key IN ({listed}) OR b_key IN ({listed})"
    return [Rejection(*row) for row in reader.find("identity.rejected", Rejection._fields, where)]


def persons_of_events(
    reader: PublishedReader, events: Sequence[Sequence[int]], day: date
) -> list[int | None]:
    """Give events of a day their persons, by the rule of `attach_persons`.

    Args:
        reader: The bank.
        events: The identifiers of each event, the strongest first; at least one.
        day: The day of all events.

    Returns:
        A person for each event; None = no person.
    """
    keys = sorted({key for ids in events for key in ids})
    owners = {
        key: next((period.person_id for period in periods if period.covers(day)), None)
        for key, periods in owners_of(reader, keys).items()
    }
    is_excluded = "b_key IS NULL AND rule <> ?"
    rows = reader.find("identity.rejected", ["a_key"], is_excluded, [FORMAT_RULE])
    excluded = {key for (key,) in rows}
    # the weaker identifiers count only where the strongest one is excluded
    counting = [ids if ids[0] in excluded else ids[:1] for ids in events]
    return [
        next((person for key in ids if (person := owners[key]) is not None), None)
        for ids in counting
    ]


def events_of(
    reader: PublishedReader,
    persons: Collection[int],
    columns: Sequence[str],
    where: str = "true",
    *,
    first: date,
    last: date,
) -> list[tuple[Any, ...]]:
    """Read the events of persons on some days, by the rule of `attach_persons`.

    Args:
        reader: The bank; of core.events only files with the days are read.
        persons: The persons.
        columns: Columns of core.events, as DuckDB's SQL.
        where: A condition on its rows, likewise.
        first: First day.
        last: Last day.

    Returns:
        The columns; rows in the order of their days, and within a day in that of the columns.
    """
    keys = sorted({p.id_key for person in persons for p in identifiers_of(reader, person)})
    has_key = f"list_has_any(ids, [{', '.join(map(str, keys))}]::BIGINT[])"
    wanted = ("day", *columns, "ids")
    rows = reader.on_days("core.events", wanted, f"{has_key} AND ({where})", first=first, last=last)
    events = []
    for day, rows_of_day in groupby(rows, key=itemgetter(0)):
        of_day = list(rows_of_day)
        owners = persons_of_events(reader, [row[-1] for row in of_day], day)
        pairs = zip(of_day, owners, strict=True)
        events += [row[1:-1] for row, person in pairs if person in persons]
    return events


def explain_pair(
    reader: PublishedReader,
    start: Identifier,
    end: Identifier,
    config: IdentityConfig,
    *,
    day: date | None,
    zone: str,
) -> Explanation:
    """Explain why two identifiers are one person, or why not.

    Args:
        reader: The bank.
        start: Where the path begins.
        end: Where it ends.
        config: identity.yml, for what is one person by hand.
        day: The day in question; null = today.
        zone: Business time zone.
    """
    ends = {start.id_key, end.id_key}
    holders = owners_of(reader, sorted(ends))
    both = set.intersection(
        *({p.person_id for p in periods if p.covers(day)} for periods in holders.values())
    )
    if not both:
        rejected = rejections_of(reader, ends)
        names = identifiers_by_key(reader, ends | _ends_of(rejected))
        return Explanation(None, holders, False, rejected, names)
    periods = identifiers_of(reader, min(both))
    keys = {period.id_key for period in periods}
    names = {identifier.id_key: identifier for identifier in (start, end)}
    if config.must_link:
        names |= identifiers_by_key(reader, keys)
    rejected = rejections_of(reader, keys)
    cut = {frozenset((r.a_key, r.b_key)) for r in rejected if r.b_key is not None}
    evidence = evidence_within(reader, periods, zone) + manual_links(config.must_link, names)
    allowed = [row for row in evidence if frozenset((row.a_key, row.b_key)) not in cut]
    path = shortest_path(allowed, start.id_key, end.id_key)
    near = {key for link in path or () for key in (link.start, link.end)} or ends
    rejected = [r for r in rejected if r.a_key in near or r.b_key in near]
    names |= identifiers_by_key(reader, (near | _ends_of(rejected)) - names.keys())
    return Explanation(path, holders, True, rejected, names)


def _ends_of(rejected: Sequence[Rejection]) -> set[int]:
    return {key for row in rejected for key in (row.a_key, row.b_key) if key is not None}


def evidence_where(reader: PublishedReader, where: str) -> list[EvidenceRow]:
    """Read the rows of identity.edges that meet a condition, as DuckDB's SQL."""
    columns = [f"epoch_us({f})" if f.endswith("_ts") else f for f in EvidenceRow._fields]
    rows = [EvidenceRow(*row) for row in reader.find("identity.edges", columns, where)]
    return [r._replace(first_ts=_at(r.first_ts), last_ts=_at(r.last_ts)) for r in rows]


def evidence_within(
    reader: PublishedReader, periods: Sequence[OwnershipPeriod], zone: str
) -> list[EvidenceRow]:
    """Read the evidence between identifiers of a person, within their ownership periods."""
    listed = ", ".join(str(period.id_key) for period in periods)
    rows = evidence_where(reader, f"a_key IN ({listed}) AND b_key IN ({listed})")
    of_key: dict[int, list[OwnershipPeriod]] = defaultdict(list)
    for period in periods:
        of_key[period.id_key].append(period)

    def is_owned(key: int, seen: datetime | None) -> bool:
        if seen is None:
            return True
        day = seen.astimezone(ZoneInfo(zone)).date()
        return any(period.covers(day) for period in of_key[key])

    # a likely pair is one of today's profiles, whenever these were written
    return [
        row
        for row in rows
        if row.rule == LINKAGE_RULE
        or (is_owned(row.a_key, row.first_ts) and is_owned(row.b_key, row.first_ts))
    ]


def _at(microseconds: Any) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)


def manual_links(must_link: Sequence[Pair], names: dict[int, Identifier]) -> list[EvidenceRow]:
    """Make evidence of the pairs of `must_link` whose identifiers are both named."""
    keys = {(n.id_type, n.scope, n.id_value): n.id_key for n in names.values()}
    ends = [(keys.get(pair.a.names()), keys.get(pair.b.names())) for pair in must_link]
    return [
        EvidenceRow(a, b, "identity.yml", MANUAL_RULE, None, None, 1)
        for a, b in ends
        if a is not None and b is not None
    ]
