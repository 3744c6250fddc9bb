"""Who is this, and why: answers about one person, without Spark."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from unicodedata import category
from zoneinfo import ZoneInfo

from databank.errors import DataBankError
from databank.identity.config import IdentityConfig, Pair
from databank.identity.evidence_path import EvidenceRow, Link, shortest_path
from databank.identity.rules import FORMAT_RULE, LINKAGE_RULE, MANUAL_RULE
from databank.tables.published_reader import PublishedReader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = ("id_type", "scope", "id_value")
# types that ingest writes in small letters
_LOWER = ("cookie", "email", "gaid", "mac", "oaid")
_PHONES = ("phone", "landline")
# fewer digits are no phone number
_PHONE_DIGITS = 8


class Identifier(NamedTuple):
    """An identifier of the bank."""

    id_key: int
    id_type: str
    scope: str
    id_value: str

    def __str__(self) -> str:
        place = f" ({self.scope})" if self.scope else ""
        return f"{self.id_type} {self.id_value}{place}"


class IdentifierQuery(NamedTuple):
    """An identifier as people write it; a scope chooses where there are several."""

    id_type: str
    value: str
    scope: str | None = None

    def spellings(self) -> list[str]:
        """As given, without blanks around, and as ingest writes identifiers of the type."""
        text = self.value.strip()
        found = {self.value, text}
        if self.id_type in _LOWER:
            found.add(text.lower())
        if self.id_type == "idfa":
            found.add(text.upper())
        if self.id_type == "address":
            found.add(" ".join("".join(map(_no_mark, text.lower())).split()))
        if self.id_type in _PHONES and text.startswith(("+", "00")):
            found.add("+" + self._digits())
        return sorted(found)

    def national(self) -> str:
        """The end of a phone number that is given without its country; '' for anything else."""
        abroad = self.value.strip().startswith(("+", "00"))
        found = "" if abroad or self.id_type not in _PHONES else self._digits()
        return found if len(found) >= _PHONE_DIGITS else ""

    def _digits(self) -> str:
        return "".join(c for c in self.value if c.isdigit()).lstrip("0")

    def matches(self, one: Identifier) -> bool:
        """Whether an identifier is written so."""
        end = self.national()
        same = one.id_value in self.spellings() or bool(end and one.id_value.endswith(end))
        return same and one.id_type == self.id_type


def _no_mark(letter: str) -> str:
    return " " if category(letter)[0] in "PZ" else letter


class OwnershipPeriod(NamedTuple):
    """An identifier of a person on the days [valid_from, valid_to); null = open."""

    id_key: int
    person_id: int
    valid_from: date | None
    valid_to: date | None

    def covers(self, day: date | None) -> bool:
        """Whether it does on a day; null = today, after all that is known."""
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
        path: From one to the other; None if they are not one person or nothing recorded ties them.
        holders: Who holds or held each of the two.
        one_person: Whether one person holds both.
        refused: What was refused about the identifiers of the chain, or of the two.
        names: All identifiers named above, by key.
    """

    path: list[Link] | None
    holders: dict[int, list[OwnershipPeriod]]
    one_person: bool
    refused: list[Rejection]
    names: dict[int, Identifier]


def find_identifiers(lookup: PublishedReader, asked: Sequence[IdentifierQuery]) -> list[Identifier]:
    """The identifiers that texts name, in one scan; a phone number by its last digits.

    Args:
        lookup: The warehouse.
        asked: What is looked for.

    Raises:
        DataBankError: If there is none (with the reason where it was refused), or several.
    """
    conditions, given = zip(*(_condition(one) for one in asked), strict=True)
    columns, values = ("id_key", *_NAME), [value for part in given for value in part]
    found = [
        Identifier(*row)
        for row in lookup.find("identity.identifier", columns, " OR ".join(conditions), values)
    ]
    return [_pick(lookup, found, one) for one in asked]


def _condition(asked: IdentifierQuery) -> tuple[str, list[str]]:
    spellings = asked.spellings()
    same = f"id_value IN ({', '.join('?' * len(spellings))})"
    ends = [end] if (end := asked.national()) else []
    if ends:
        same = f"({same} OR ends_with(id_value, ?))"
    return f"(id_type = ? AND {same})", [asked.id_type, *spellings, *ends]


def _pick(
    lookup: PublishedReader, found: Sequence[Identifier], asked: IdentifierQuery
) -> Identifier:
    id_type = asked.id_type
    fitting = [one for one in found if asked.matches(one)]
    if len(fitting) > 1 and asked.scope is not None:
        fitting = [one for one in fitting if one.scope == asked.scope]
    exact = [one for one in fitting if one.id_value == asked.value]
    if len(exact or fitting) > 1:
        told = sorted({one.scope for one in fitting})
        remedy = f"give --scope, one of {told}" if len(told) > 1 else "write it out in full"
        raise DataBankError(
            f"{id_type}: {len(fitting)} identifiers are written like that; {remedy}"
        )
    if fitting:
        return (exact or fitting)[0]
    typed = [id_type, asked.value.strip()]
    refused = lookup.find("identity.refused", ["why"], "id_type = ? AND id_value = ?", typed)
    if refused:
        raise DataBankError(f"{id_type}: ingest refused this value: {refused[0][0]}")
    count = lookup.find("identity.identifier", ["count(*)"], "id_type = ?", [id_type])
    if not count or not count[0][0]:
        raise DataBankError(
            f"{id_type}: the bank has no identifier of this type; look how identity.yml calls it, "
            "and whether ingest has run (`databank runs`)"
        )
    raise DataBankError(f"{id_type}: the bank has not met this value; look how it is spelled")


def owners_of(lookup: PublishedReader, keys: Sequence[int]) -> dict[int, list[OwnershipPeriod]]:
    """Who holds each identifier, the first holder first; none if it was set aside."""
    rows = lookup.by_keys("identity.person", OwnershipPeriod._fields, "id_key", keys)
    found = sorted(
        (OwnershipPeriod(*row) for row in rows), key=lambda one: one.valid_from or date.min
    )
    return {key: [one for one in found if one.id_key == key] for key in keys}


def identifiers_of(lookup: PublishedReader, person_id: int) -> list[OwnershipPeriod]:
    """All that a person holds or held."""
    found = lookup.find("identity.person", OwnershipPeriod._fields, "person_id = ?", [person_id])
    return [OwnershipPeriod(*row) for row in found]


def persons_of_events(
    lookup: PublishedReader, events: Sequence[Sequence[int]], day: date
) -> list[int | None]:
    """Whose events of a day are, as `attach_persons` decides it.

    Args:
        lookup: The warehouse.
        events: The identifiers of each, the strongest first; at least one.
        day: The day of all of them.

    Returns:
        A person for each event; None = nobody's.
    """
    keys = sorted({key for ids in events for key in ids})
    holders = {
        key: next((one.person_id for one in found if one.covers(day)), None)
        for key, found in owners_of(lookup, keys).items()
    }
    alone = "b_key IS NULL AND rule <> ?"
    aside = {key for (key,) in lookup.find("identity.rejected", ["a_key"], alone, [FORMAT_RULE])}
    # where the strongest was set aside the next ones are asked
    asked = [ids if ids[0] in aside else ids[:1] for ids in events]
    return [next((who for key in ids if (who := holders[key]) is not None), None) for ids in asked]


def events_of(
    lookup: PublishedReader,
    persons: Collection[int],
    columns: Sequence[str],
    where: str = "true",
    *,
    first: date,
    last: date,
) -> list[tuple[Any, ...]]:
    """Events of some days that are some persons', as `attach_persons` decides it.

    Args:
        lookup: The warehouse; of core.events only files with the days are read.
        persons: Whose events.
        columns: Of core.events, as DuckDB's SQL.
        where: A condition on its rows, likewise.
        first: First day.
        last: Last day.

    Returns:
        The columns; rows in the order of their days, and of a day in that of the columns.
    """
    keys = sorted({one.id_key for person in persons for one in identifiers_of(lookup, person)})
    held = f"list_has_any(ids, [{', '.join(map(str, keys))}]::BIGINT[])"
    wanted = ("day", *columns, "ids")
    rows = lookup.on_days("core.events", wanted, f"{held} AND ({where})", first=first, last=last)
    found = []
    for day, some in groupby(rows, key=itemgetter(0)):
        of_day = list(some)
        owners = persons_of_events(lookup, [row[-1] for row in of_day], day)
        found += [r[1:-1] for r, whose in zip(of_day, owners, strict=True) if whose in persons]
    return found


def identifiers_by_key(lookup: PublishedReader, keys: Collection[int]) -> dict[int, Identifier]:
    """Identifiers by key."""
    columns = ("id_key", *_NAME)
    rows = lookup.by_keys("identity.identifier", columns, "id_key", sorted(keys))
    return {row[0]: Identifier(*row) for row in rows}


def rejections_of(lookup: PublishedReader, keys: Collection[int]) -> list[Rejection]:
    """What was refused about some identifiers."""
    listed = ", ".join(map(str, sorted(keys))) or "NULL"
    where = f"a_key IN ({listed}) OR b_key IN ({listed})"
    return [Rejection(*row) for row in lookup.find("identity.rejected", Rejection._fields, where)]


def explain_pair(
    lookup: PublishedReader,
    one: Identifier,
    other: Identifier,
    config: IdentityConfig,
    *,
    day: date | None,
    zone: str,
) -> Explanation:
    """Why two identifiers are one person, or why not.

    Args:
        lookup: The warehouse.
        one: Where the chain begins.
        other: Where it ends.
        config: identity.yml, for what is one person by hand.
        day: The day that is asked about; null = today.
        zone: Business time zone.
    """
    ends = {one.id_key, other.id_key}
    holders = owners_of(lookup, sorted(ends))
    both = set.intersection(
        *({one.person_id for one in held if one.covers(day)} for held in holders.values())
    )
    if not both:
        refused = rejections_of(lookup, ends)
        met = {key for r in refused for key in (r.a_key, r.b_key) if key is not None}
        return Explanation(None, holders, False, refused, identifiers_by_key(lookup, met | ends))
    held = identifiers_of(lookup, min(both))
    names = {end.id_key: end for end in (one, other)}
    if config.must_link:
        names |= identifiers_by_key(lookup, {holding.id_key for holding in held})
    refused = rejections_of(lookup, {holding.id_key for holding in held})
    cut = {frozenset((r.a_key, r.b_key)) for r in refused if r.b_key is not None}
    found = [
        row
        for row in (*evidence_within(lookup, held, zone), *manual_links(config.must_link, names))
        if frozenset((row.a_key, row.b_key)) not in cut
    ]
    chain = shortest_path(found, one.id_key, other.id_key)
    near = {key for link in chain or () for key in (link.start, link.end)} or ends
    refused = [r for r in refused if r.a_key in near or r.b_key in near]
    met = near | {key for r in refused for key in (r.a_key, r.b_key) if key is not None}
    return Explanation(
        chain, holders, True, refused, names | identifiers_by_key(lookup, met - names.keys())
    )


def evidence_where(lookup: PublishedReader, where: str) -> list[EvidenceRow]:
    """Rows of identity.edges that a condition, as DuckDB's SQL, holds for."""
    columns = [f"epoch_us({f})" if f.endswith("_ts") else f for f in EvidenceRow._fields]
    found = [EvidenceRow(*row) for row in lookup.find("identity.edges", columns, where)]
    return [r._replace(first_ts=_at(r.first_ts), last_ts=_at(r.last_ts)) for r in found]


def evidence_within(
    lookup: PublishedReader, held: Sequence[OwnershipPeriod], zone: str
) -> list[EvidenceRow]:
    """Evidence between what a person holds, of the days on which it does."""
    listed = ", ".join(str(holding.id_key) for holding in held)
    rows = evidence_where(lookup, f"a_key IN ({listed}) AND b_key IN ({listed})")
    of_key: dict[int, list[OwnershipPeriod]] = defaultdict(list)
    for holding in held:
        of_key[holding.id_key].append(holding)

    def fits(key: int, seen: datetime | None) -> bool:
        if seen is None:
            return True
        day = seen.astimezone(ZoneInfo(zone)).date()
        return any(holding.covers(day) for holding in of_key[key])

    # likeness is of today's profiles, whenever they were written
    return [
        r
        for r in rows
        if r.rule == LINKAGE_RULE or (fits(r.a_key, r.first_ts) and fits(r.b_key, r.first_ts))
    ]


def _at(microseconds: Any) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def manual_links(together: Sequence[Pair], names: dict[int, Identifier]) -> list[EvidenceRow]:
    """What is one person by identity.yml, of the identifiers that are named."""
    keys = {(n.id_type, n.scope, n.id_value): n.id_key for n in names.values()}
    ends = [(keys.get(pair.a.names()), keys.get(pair.b.names())) for pair in together]
    return [
        EvidenceRow(a, b, "identity.yml", MANUAL_RULE, None, None, 1)
        for a, b in ends
        if a is not None and b is not None
    ]
