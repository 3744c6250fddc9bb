"""`databank person`: shows the answers of person_view."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from databank.cli.show import Rows, TextSection
from databank.identity.explain import OwnershipPeriod, Rejection
from databank.identity.identifier_query import IdentifierQuery
from databank.person_view.day import DayView, SessionView, TimedEvent
from databank.person_view.link import LinkView, view_link
from databank.person_view.person import IdentifierView, PersonView, view_person

_NOBODY = {"person": "nobody", "from": None, "until": None}


def describe_person(
    root: str, conf_dir: str, query: IdentifierQuery, day: date | None
) -> list[TextSection]:
    """Show who owned an identifier when, and what is known of the owner; raises as view_person."""
    view = view_person(root, conf_dir, query, day)
    on = f"on {day}" if day else "today"
    if view.person is None:
        return _unmatched(view, on)
    number = view.person.person_id
    first = TextSection(f"person {number}", [])
    if view.identifier is not None:
        owners = _owners(view.owners) if len(view.owners) > 1 else []
        first = TextSection(f"{view.identifier}: person {number} {on}", owners)
    return [first, *_person(view.person)]


def explain_link(
    root: str, conf_dir: str, query: IdentifierQuery, target: str, day: date | None
) -> list[TextSection]:
    """Show the path of evidence between two identifiers; raises as view_link."""
    view = view_link(root, conf_dir, query, target, day)
    start, end = view.ends
    explanation = view.explanation
    rejected = [_rejected(view, rejection) for rejection in explanation.refused]
    nearby = [TextSection("rejected near them", rejected)] if rejected else []
    if not explanation.one_person:
        owners = [
            {"identifier": str(each), **row}
            for each in view.ends
            for row in _owners(explanation.holders[each.id_key]) or [_NOBODY]
        ]
        return [TextSection(f"{start} and {end} are not one person", owners), *nearby]
    if explanation.path is None:
        title = f"{start} and {end} are one person, and no record that is kept says why"
        return [TextSection(title, []), *nearby]
    hops = len(explanation.path)
    title = f"{start} and {end} are one person: {hops} {'link' if hops == 1 else 'links'}"
    return [TextSection(title, _path(view)), *nearby]


def explain_tag(root: str, conf_dir: str, query: IdentifierQuery, name: str) -> list[TextSection]:
    """Show the value of a tag, and the rows that it was made of; raises as view_tag."""
    # the whole configuration is read for it
    from databank.person_view.tag import view_tag
    from databank.project.load import load_project

    project = load_project(conf_dir)
    timezone = project.settings.timezone
    view = view_tag(root, project.tags, project.archive, timezone, query, name)
    tag = view.tag
    if view.subject_id is None:
        return [TextSection(f"person {view.person_id} is in no {tag.entity}", [])]
    text = f"{name} {view.value}{f' {tag.unit}' if tag.unit else ''}"
    if view.value is None:
        text = f"{name} has no value, or was not built since its definition changed,"
    first = TextSection(f"{tag.entity} {view.subject_id}: {text} as of {view.as_of}", [])
    return [first, *(TextSection(reason.title, reason.rows) for reason in view.reasons)]


def _unmatched(view: IdentifierView, on: str) -> list[TextSection]:
    """Show the entities that an identifier ties, or why it belongs to no person."""
    if view.ties or view.entity_rejections:
        sections = [
            TextSection(
                f"{view.identifier}: {tie.entity} {tie.entity_id}",
                [{"person": person} for person in tie.persons],
            )
            for tie in view.ties
        ]
        rows = [
            {"entity": each.entity, "person": each.person_id, "why": each.reason, "day": each.day}
            for each in view.entity_rejections
        ]
        return [
            *sections,
            *([TextSection(f"{view.identifier}: does not tie", rows)] if rows else []),
        ]
    reasons = [{"rule": each.rule, "why": each.reason} for each in view.rejections]
    return [TextSection(f"{view.identifier}: unmatched {on}", reasons or _owners(view.owners))]


def _person(person: PersonView) -> list[TextSection]:
    identifiers = [
        {
            "type": name.id_type,
            "value": name.id_value,
            "scope": name.scope or None,
            "from": period.valid_from,
            "until": period.valid_to,
        }
        for name, period in person.identifiers
    ]
    memberships = [
        {"entity": each.entity, "number": each.entity_id, "persons": len(each.persons)}
        for each in person.memberships
    ]
    tags = [{"tag": each.tag, "value": each.value, "as of": each.as_of} for each in person.tags]
    changes = [
        {
            "day": each.day,
            "kind": each.kind,
            "person": each.person_id,
            "and": each.other_person_id,
            "cause": each.cause,
        }
        for each in person.changes
    ]
    stage = [{"stage": person.stage[1], "as of": person.stage[0]}] if person.stage else []
    sections = [
        TextSection("identifiers", identifiers),
        TextSection("belongs to", memberships),
        TextSection("life-cycle stage", stage),
        TextSection("tags", tags),
        TextSection("what became of this person", changes),
        *(_day(person.activity) if person.activity else []),
    ]
    return [section for section in sections if section.rows]


def _day(view: DayView) -> list[TextSection]:
    sections = [TextSection(f"sessions on {view.day}", [_session(each) for each in view.sessions])]
    for session in view.sessions:
        visit = session.visit
        length = f"{session.first:%H:%M:%S} to {session.last:%H:%M:%S}"
        title = f"session {visit.number}: {length}, {visit.channel}"
        sections.append(TextSection(title, _events(session.events)))
    title = "in no session" if view.sessions else f"events on {view.day}"
    return [*sections, TextSection(title, _events(view.other_events))]


def _session(session: SessionView) -> dict[str, Any]:
    visit = session.visit
    return {
        "session": visit.number,
        "from": f"{session.first:%H:%M:%S}",
        "to": f"{session.last:%H:%M:%S}",
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


def _events(events: Iterable[TimedEvent]) -> Rows:
    return [
        {
            "time": f"{timed.time:%H:%M:%S}",
            "terminal": timed.event.terminal,
            "event": timed.event.event,
            "page": timed.page,
            "item": timed.event.item_id,
            "amount": None if timed.event.amount is None else float(timed.event.amount),
            "seconds": timed.seconds,
        }
        for timed in events
    ]


def _owners(periods: Iterable[OwnershipPeriod]) -> Rows:
    return [{"person": p.person_id, "from": p.valid_from, "until": p.valid_to} for p in periods]


def _rejected(view: LinkView, rejection: Rejection) -> dict[str, Any]:
    return {
        "identifier": view.name(rejection.a_key),
        "and": view.name(rejection.b_key),
        "rule": rejection.rule,
        "why": rejection.reason,
        "day": rejection.day,
    }


def _path(view: LinkView) -> Rows:
    return [
        {
            "from": view.name(link.start),
            "to": view.name(link.end),
            "source": row.source,
            "rule": row.rule,
            "first seen": _minute(row.first_ts, view.zone),
            "last seen": _minute(row.last_ts, view.zone),
            "records": row.n,
            "match probability": row.score,
            "link": "weakest" if link is view.weakest else None,
        }
        for link in view.explanation.path or ()
        for row in link.evidence
    ]


def _minute(at: datetime | None, zone: ZoneInfo) -> str | None:
    return None if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
