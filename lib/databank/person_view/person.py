"""Who an identifier is, and what the bank knows of that person."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from databank.errors import DataBankError
from databank.identity.explain import (
    OwnershipPeriod,
    Rejection,
    identifiers_of,
    owners_of,
    rejections_of,
)
from databank.identity.identifier_query import (
    Identifier,
    IdentifierQuery,
    find_identifiers,
    identifiers_by_key,
)
from databank.person_view.active_days import ActiveDay, active_days
from databank.person_view.day import DayView, view_day
from databank.person_view.results import (
    AudienceMembership,
    LookalikeMembership,
    Rfm,
    Score,
    ScoreUse,
    audiences_of,
    lookalikes_of,
    on_last_day,
    rfm_of,
    scores_of,
    uses_of,
)
from databank.person_view.settings import read_model_tags, read_settings
from databank.tables.published_reader import PublishedReader

PERSON_ID = "person_id"  # in place of a type: a person by number
# tables that have what the bank knows of a person, and the condition on their rows
_TRACES = {
    "identity.person": "person_id = ?",
    "identity.changes": "person_id = ? OR other_person_id = ?",
    "identity.entity": "person_id = ?",
    "lifecycle.stage": "person_id = ?",
    "tags.person_tag": "person_id = ?",
}
_NO_PERSON = 2**63  # beyond it no number is a BIGINT


class Membership(NamedTuple):
    """A household, an account ... of a person, and all persons in it."""

    entity: str
    entity_id: int
    persons: list[int]


class EntityRejection(NamedTuple):
    """A row of identity.entity_rejected: why an identifier does not tie a person."""

    entity: str
    person_id: int | None
    reason: str
    day: date


class TagValue(NamedTuple):
    """A tag that a person has."""

    tag: str
    value: Any
    as_of: date | None


class IdentityChange(NamedTuple):
    """A row of identity.changes."""

    day: date
    kind: str
    person_id: int
    other_person_id: int | None
    cause: str | None


@dataclass(frozen=True)
class PersonView:
    """What the bank knows of a person.

    Attributes:
        person_id: The person's number.
        identifiers: Each with the period in which it is the person's; None = of no known name.
        memberships: Households, accounts ...; those of today.
        stage: Life-cycle stage, and the day of it; None = in none on the last day of stages.
        rfm: Recency, frequency and money, and the day of them.
        scores: Newest score of each model, with the tags that are made of it; those of today.
        audiences: Those that the person, or an entity of the person, is in.
        lookalikes: Those that the person is in.
        tags: Those of the last run.
        changes: What became of the person.
        days: The last days on which the person did something, the newest first.
        activity: What the person did on the day that was asked for.
    """

    person_id: int
    identifiers: list[tuple[Identifier, OwnershipPeriod]] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    stage: tuple[date, str] | None = None
    rfm: Rfm | None = None
    scores: list[tuple[Score, list[ScoreUse]]] = field(default_factory=list)
    audiences: list[AudienceMembership] = field(default_factory=list)
    lookalikes: list[LookalikeMembership] = field(default_factory=list)
    tags: list[TagValue] = field(default_factory=list)
    changes: list[IdentityChange] = field(default_factory=list)
    days: list[ActiveDay] = field(default_factory=list)
    activity: DayView | None = None


@dataclass(frozen=True)
class IdentifierView:
    """Who owns an identifier.

    Attributes:
        identifier: What was asked for; None where a person was asked for by number.
        day: The day that was asked for; None = today.
        owners: All that own or owned it, the first one first.
        person: The owner on that day; None = it is unmatched.
        rejections: Where it is unmatched: why.
        ties: Where it identifies an entity and no person: the entities, and their persons.
        entity_rejections: Whom it does not tie, and why.
    """

    identifier: Identifier | None
    day: date | None
    owners: list[OwnershipPeriod] = field(default_factory=list)
    person: PersonView | None = None
    rejections: list[Rejection] = field(default_factory=list)
    ties: list[Membership] = field(default_factory=list)
    entity_rejections: list[EntityRejection] = field(default_factory=list)


def view_person(
    root: str, conf_dir: str, query: IdentifierQuery, day: date | None, *, most_days: int
) -> IdentifierView:
    """Tell who owned an identifier when, and what the bank knows of the owner on a day.

    Args:
        root: The warehouse.
        conf_dir: Read for the day's activity, and for the bands of scores.
        query: An identifier as people write it; its type may be person_id.
        day: The day that is asked about; None = today, without activity.
        most_days: How many of the last days on which the person did something.

    Raises:
        DataBankError: If the identifier, or the person, is not known.
    """
    reader = PublishedReader(root)
    if query.id_type == PERSON_ID:
        person = _numbered(reader, conf_dir, query.value, day, most_days)
        return IdentifierView(None, day, person=person)
    [identifier] = find_identifiers(reader, [query])
    owners = owners_of(reader, [identifier.id_key])[identifier.id_key]
    current = next((period for period in owners if period.covers(day)), None)
    if current is not None:
        person = _person(reader, conf_dir, current.person_id, day, most_days)
        return IdentifierView(identifier, day, owners, person)
    ties, refused = _ties(reader, identifier) if day is None else ([], [])
    if ties or refused:
        return IdentifierView(identifier, day, owners, ties=ties, entity_rejections=refused)
    rejections = rejections_of(reader, [identifier.id_key])
    return IdentifierView(identifier, day, owners, rejections=rejections)


def find_person(reader: PublishedReader, query: IdentifierQuery) -> int:
    """Give the number of the person that owns an identifier today.

    Raises:
        DataBankError: If the identifier is not known, or unmatched.
    """
    if query.id_type == PERSON_ID:
        return _known_number(reader, query.value)
    [identifier] = find_identifiers(reader, [query])
    for period in owners_of(reader, [identifier.id_key])[identifier.id_key]:
        if period.covers(None):
            return period.person_id
    raise DataBankError(f"{identifier}: unmatched today; ask without --why-tag for the reason")


def memberships_of(reader: PublishedReader, person_id: int) -> list[Membership]:
    """List the households, accounts ... of a person, with all their persons."""
    columns = ("entity", "entity_id")
    rows = reader.find("identity.entity", columns, "person_id = ?", [person_id])
    return [Membership(kind, number, _members(reader, kind, number)) for kind, number in rows]


def _numbered(
    reader: PublishedReader, conf_dir: str, value: str, day: date | None, most_days: int
) -> PersonView:
    return _person(reader, conf_dir, _known_number(reader, value), day, most_days)


def _known_number(reader: PublishedReader, value: str) -> int:
    """Read the number of a person, whom the bank has, or had."""
    if value.isascii() and value.isdigit() and int(value) < _NO_PERSON:
        number = int(value)
        for table, where in _TRACES.items():
            given = [number] * where.count("?")
            [(rows,)] = reader.find(table, ("count(*)",), where, given) or [(0,)]
            if rows:
                return number
    raise DataBankError(
        f"person_id {value}: the bank has no such person; ask by one of the person's identifiers"
    )


def _person(
    reader: PublishedReader, conf_dir: str, person_id: int, day: date | None, most_days: int
) -> PersonView:
    periods = [
        period for period in identifiers_of(reader, person_id) if day is None or period.covers(day)
    ]
    names = identifiers_by_key(reader, {period.id_key for period in periods})
    named = [(names[p.id_key], p) for p in periods if p.id_key in names]
    today = day is None
    memberships = memberships_of(reader, person_id) if today else []
    scores = scores_of(reader, person_id) if today else []
    model_tags = read_model_tags(conf_dir) if scores else []
    return PersonView(
        person_id,
        identifiers=sorted(
            named, key=lambda pair: (pair[0].id_type, pair[0].id_value, str(pair[1].valid_from))
        ),
        memberships=memberships,
        stage=on_last_day(reader, "lifecycle.stage", ("day", "stage"), person_id, day),
        rfm=rfm_of(reader, person_id, day),
        scores=[(score, uses_of(score, model_tags)) for score in scores],
        audiences=audiences_of(
            reader, person_id, {each.entity: each.entity_id for each in memberships}, day
        ),
        lookalikes=lookalikes_of(reader, person_id, day),
        tags=_tags(reader, person_id) if today else [],
        changes=_changes(reader, person_id, day),
        days=active_days(reader, person_id, day, most=most_days),
        activity=None if day is None else view_day(reader, read_settings(conf_dir), person_id, day),
    )


def _tags(reader: PublishedReader, person_id: int) -> list[TagValue]:
    columns = ("tag", "value_string", "value_double", "value_date", "as_of")
    rows = reader.find("tags.person_tag", columns, "person_id = ?", [person_id])
    return [
        TagValue(tag, next((v for v in values if v is not None), None), as_of)
        for tag, *values, as_of in rows
    ]


def _changes(reader: PublishedReader, person_id: int, day: date | None) -> list[IdentityChange]:
    where = "person_id = ? OR other_person_id = ?"
    rows = reader.find("identity.changes", IdentityChange._fields, where, [person_id, person_id])
    return [IdentityChange(*row) for row in rows if day is None or row[0] <= day]


def _members(reader: PublishedReader, entity: str, entity_id: int) -> list[int]:
    where = "entity = ? AND entity_id = ?"
    rows = reader.find("identity.entity", ("person_id",), where, [entity, entity_id])
    return [person_id for (person_id,) in rows]


def _ties(
    reader: PublishedReader, identifier: Identifier
) -> tuple[list[Membership], list[EntityRejection]]:
    """Read the entities that an identifier ties, and whom it does not tie."""
    where, key = "id_key = ?", [identifier.id_key]
    ties = reader.find("identity.entity_identifier", ("entity", "entity_id"), where, key)
    rejected = reader.find("identity.entity_rejected", EntityRejection._fields, where, key)
    return (
        [Membership(kind, number, _members(reader, kind, number)) for kind, number in ties],
        [EntityRejection(*row) for row in rejected],
    )
