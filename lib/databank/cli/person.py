"""`databank person`: who an identifier is, and why."""

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from databank.cli.day import describe_day
from databank.cli.show import Section
from databank.config import ConfigReader, Settings
from databank.errors import DataBankError, did_you_mean
from databank.identity.config import IdentityConfig
from databank.identity.evidence_path import weakest_link
from databank.identity.explain import (
    OwnershipPeriod,
    explain_pair,
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
from databank.tables.published_reader import PublishedReader

_CONF = "conf"  # the default: a bank may be asked from where there is none
_PERSON_ID = "person_id"  # in place of a type: a person by number
_NOBODY = {"person": "nobody", "from": None, "until": None}


def describe_person(
    root: str, conf_dir: str, id_type: str, value: str, *, scope: str | None, day: date | None
) -> list[Section]:
    """Who had an identifier when, and what the bank knows of the one who has it on a day.

    Of the type person_id the value is a person's number. With a day, also what this person did
    on it.

    Raises:
        DataBankError: If the identifier is not known.
    """
    lookup = PublishedReader(root)
    if id_type == _PERSON_ID:
        sections = _numbered(lookup, value, day)
        return [*sections, *(describe_day(lookup, conf_dir, int(value), day) if day else [])]
    [asked] = find_identifiers(lookup, [IdentifierQuery(id_type, value, scope)])
    holders = owners_of(lookup, [asked.id_key])[asked.id_key]
    whose = [one for one in holders if one.covers(day)]
    on = f"on {day}" if day else "today"
    if not whose and day is None and (entities := _entities(lookup, asked)):
        return entities
    if not whose:
        told = [{"rule": r.rule, "why": r.reason} for r in rejections_of(lookup, [asked.id_key])]
        return [Section(f"{asked}: nobody's {on}", told or _holders(holders))]
    person = whose[0].person_id
    first = Section(f"{asked}: person {person} {on}", _holders(holders, only_several=True))
    done = describe_day(lookup, conf_dir, person, day) if day else []
    return [first, *_known(lookup, person, day), *done]


def _numbered(lookup: PublishedReader, value: str, day: date | None) -> list[Section]:
    number = int(value) if value.isascii() and value.isdigit() else None
    known = [] if number is None else _known(lookup, number, day)
    if not known:
        raise DataBankError(f"person_id {value}: the bank has no such person")
    return [Section(f"person {number}", []), *known]


def _known(lookup: PublishedReader, person: int, day: date | None) -> list[Section]:
    """What the bank knows of a person, as far as it knows anything."""
    held = [one for one in identifiers_of(lookup, person) if day is None or one.covers(day)]
    sections = [
        Section("identifiers", _identifiers(lookup, held)),
        Section("belongs to", _belongs(lookup, person) if day is None else []),
        Section("life-cycle stage", _stages(lookup, person, day)),
        Section("tags", _tags(lookup, person) if day is None else []),
        Section("what became of this person", _changes(lookup, person, day)),
    ]
    return [section for section in sections if section.rows]


def explain_link(
    root: str,
    conf_dir: str,
    id_type: str,
    value: str,
    target: str,
    *,
    scope: str | None,
    day: date | None,
) -> list[Section]:
    """The chain of evidence between two identifiers, `target` being TYPE:VALUE.

    Raises:
        DataBankError: If one of them is not known, or the target is not written so.
    """
    other_type, colon, other_value = target.partition(":")
    if not colon or not other_type or not other_value:
        raise DataBankError("--why: write TYPE:VALUE, e.g. user_id:u42")
    lookup = PublishedReader(root)
    asked = [
        IdentifierQuery(id_type, value, scope),
        IdentifierQuery(other_type, other_value, scope),
    ]
    one, other = find_identifiers(lookup, asked)
    identity, settings = _config(conf_dir)
    found = explain_pair(lookup, one, other, identity, day=day, zone=settings.timezone)
    shown = found.names
    refused = [
        {
            "identifier": _shown(shown, r.a_key),
            "and": _shown(shown, r.b_key),
            "rule": r.rule,
            "why": r.reason,
            "day": r.day,
        }
        for r in found.refused
    ]
    near = [Section("refused near them", refused)] if refused else []
    if not found.one_person:
        whose = [
            {"identifier": str(end), **row}
            for end in (one, other)
            for row in _holders(found.holders[end.id_key]) or [_NOBODY]
        ]
        return [Section(f"{one} and {other} are not one person", whose), *near]
    if found.path is None:
        told = f"{one} and {other} are one person, and no record that is kept says why"
        return [Section(told, []), *near]
    least = weakest_link(found.path)
    rows = [
        {
            "from": str(shown[link.start]),
            "to": str(shown[link.end]),
            "source": row.source,
            "rule": row.rule,
            "first seen": _minute(row.first_ts, settings.timezone),
            "last seen": _minute(row.last_ts, settings.timezone),
            "records": row.n,
            "likeness": row.score,
            "link": "weakest" if link is least and len(found.path) > 1 else None,
        }
        for link in found.path
        for row in link.evidence
    ]
    hops = f"{len(found.path)} {'link' if len(found.path) == 1 else 'links'}"
    title = f"{one} and {other} are one person: {hops}"
    return [Section(title, rows), *near]


def explain_tag(
    root: str, conf_dir: str, id_type: str, value: str, name: str, *, scope: str | None
) -> list[Section]:
    """The value of a tag, and the rows that it was made of.

    Raises:
        DataBankError: If the identifier is nobody's, or there is no such tag, or none was built.
    """
    # the whole configuration is read for it
    from databank.project.jobs import job_config
    from databank.project.load import load_project
    from databank.tags.explain import Evidence, value_of

    project = load_project(conf_dir)
    config = job_config("build_tags", project)
    known = {tag.name: tag for tag in config.tags}
    if name not in known:
        raise DataBankError(f"--why-tag: unknown tag {name!r}; {did_you_mean(name, known)}")
    tag, lookup = known[name], PublishedReader(root)
    person = _person_of(lookup, id_type, value, scope)
    within = dict(_entities_of(lookup, person))
    whose = person if tag.subject.is_person else within.get(tag.entity)
    if whose is None:
        return [Section(f"person {person} is in no {tag.entity}", [])]
    said, as_of = value_of(lookup, tag, whose)
    if as_of is None:
        raise DataBankError("no tags are built yet; run build_tags first")
    told = f"{name} {said}{f' {tag.unit}' if tag.unit else ''}"
    if said is None:
        told = f"{name} says nothing, or was not built since it is as it is,"
    first = Section(f"{tag.entity} {whose}: {told} as of {as_of}", [])
    zone = project.settings.timezone
    evidence = Evidence(lookup, known, config.archive, zone, tag.entity, whose, as_of)
    return [first, *(Section(each.title, each.rows) for each in evidence.reasons(tag))]


def _person_of(lookup: PublishedReader, id_type: str, value: str, scope: str | None) -> int:
    if id_type == _PERSON_ID:
        _numbered(lookup, value, None)
        return int(value)
    [asked] = find_identifiers(lookup, [IdentifierQuery(id_type, value, scope)])
    holders = owners_of(lookup, [asked.id_key])[asked.id_key]
    for one in holders:
        if one.covers(None):
            return one.person_id
    raise DataBankError(f"{asked}: nobody's today; without --why-tag it is told why")


def _config(conf_dir: str) -> tuple[IdentityConfig, Settings]:
    """What of the configuration matters here; the rest may even be broken."""
    nothing = IdentityConfig(identifiers=("unknown",))
    if conf_dir == _CONF and not Path(conf_dir).is_dir():
        return nothing, Settings()
    reader = ConfigReader(conf_dir)
    identity = reader.read_file("identity.yml", IdentityConfig)
    settings = reader.read_file("databank.yml", Settings, optional=True)
    reader.finish()
    return identity or nothing, settings or Settings()


def _holders(
    found: Iterable[OwnershipPeriod], *, only_several: bool = False
) -> list[dict[str, Any]]:
    rows = [{"person": h.person_id, "from": h.valid_from, "until": h.valid_to} for h in found]
    return [] if only_several and len(rows) == 1 else rows


def _identifiers(lookup: PublishedReader, held: list[OwnershipPeriod]) -> list[dict[str, Any]]:
    names = identifiers_by_key(lookup, {one.id_key for one in held})
    rows = [
        {
            "type": name.id_type,
            "value": name.id_value,
            "scope": name.scope or None,
            "from": one.valid_from,
            "until": one.valid_to,
        }
        for one in held
        if (name := names.get(one.id_key)) is not None
    ]
    return sorted(rows, key=lambda row: (str(row["type"]), str(row["value"]), str(row["from"])))


def _belongs(lookup: PublishedReader, person: int) -> list[dict[str, Any]]:
    """The households, accounts ... of a person, and with how many it shares them."""
    return [
        {"entity": entity, "number": number, "persons": len(_persons_of(lookup, entity, number))}
        for entity, number in _entities_of(lookup, person)
    ]


def _entities_of(lookup: PublishedReader, person: int) -> list[tuple[Any, ...]]:
    return lookup.find("identity.entity", ("entity", "entity_id"), "person_id = ?", [person])


def _persons_of(lookup: PublishedReader, entity: str, number: int) -> list[int]:
    where = "entity = ? AND entity_id = ?"
    rows = lookup.find("identity.entity", ("person_id",), where, [entity, number])
    return [row[0] for row in rows]


def _entities(lookup: PublishedReader, asked: Identifier) -> list[Section]:
    """The households, accounts ... that an identifier ties, and their persons; or why it does not.

    Empty where it is no identifier of such a one.
    """
    mine, key = "id_key = ?", [asked.id_key]
    found = lookup.find("identity.entity_identifier", ("entity", "entity_id"), mine, key)
    sections = [
        Section(
            f"{asked}: {entity} {number}",
            [{"person": person} for person in _persons_of(lookup, entity, number)],
        )
        for entity, number in found
    ]
    columns = ("entity", "person_id", "reason", "day")
    refused = [
        {"entity": entity, "person": person, "why": reason, "day": on}
        for entity, person, reason, on in lookup.find(
            "identity.entity_rejected", columns, mine, key
        )
    ]
    title = f"{asked}: whom it does not tie"
    return [*sections, Section(title, refused)] if refused else sections


def _tags(lookup: PublishedReader, person: int) -> list[dict[str, Any]]:
    columns = ("tag", "value_string", "value_double", "value_date", "as_of")
    return [
        {"tag": tag, "value": _first(text, number, on), "as of": as_of}
        for tag, text, number, on, as_of in lookup.find(
            "tags.person_tag", columns, "person_id = ?", [person]
        )
    ]


def _stages(lookup: PublishedReader, person: int, day: date | None) -> list[dict[str, Any]]:
    rows = lookup.find("lifecycle.stage", ("day", "stage"), "person_id = ?", [person])
    rows = [row for row in rows if day is None or row[0] <= day][-1:]
    return [{"stage": stage, "as of": on} for on, stage in rows]


def _changes(lookup: PublishedReader, person: int, day: date | None) -> list[dict[str, Any]]:
    columns = ("day", "kind", "person_id", "other_person_id", "cause")
    where = "person_id = ? OR other_person_id = ?"
    return [
        {"day": on, "kind": kind, "person": one, "and": other, "cause": cause}
        for on, kind, one, other, cause in lookup.find(
            "identity.changes", columns, where, [person, person]
        )
        if day is None or on <= day
    ]


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _shown(names: dict[int, Identifier], key: int | None) -> str | None:
    return None if key is None else str(names.get(key, key))


def _minute(at: datetime | None, zone: str) -> str | None:
    return None if at is None else f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
