"""`databank person`: shows the answers of person_view."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from databank.cli.show import Rows, TextSection, shown_value
from databank.identity.explain import OwnershipPeriod, Rejection
from databank.identity.identifier_query import IdentifierQuery
from databank.person_view.active_days import ActiveDay
from databank.person_view.day import DayView, SessionView, TimedEvent
from databank.person_view.link import LinkView, view_link
from databank.person_view.person import IdentifierView, PersonView, view_person
from databank.person_view.results import Score, ScoreUse

_NOBODY = {"person": "nobody", "from": None, "until": None}
_NO_USE = ScoreUse("", None, None)


def describe_person(
    root: str, conf_dir: str, query: IdentifierQuery, day: date | None, most_days: int
) -> list[TextSection]:
    """Show who owned an identifier when, and what is known of the owner; raises as view_person."""
    view = view_person(root, conf_dir, query, day, most_days=most_days)
    on = f"on {day}" if day else "today"
    if view.person is None:
        return _unmatched(view, on)
    number = view.person.person_id
    first = TextSection(f"person {number}", [], "person")
    if view.identifier is not None:
        owners = _owners(view.owners) if len(view.owners) > 1 else []
        first = TextSection(f"{view.identifier}: person {number} {on}", owners, "person")
    return [first, *_person(view.person)]


def explain_link(
    root: str, conf_dir: str, query: IdentifierQuery, target: str, day: date | None
) -> list[TextSection]:
    """Show the path of evidence between two identifiers; raises as view_link."""
    view = view_link(root, conf_dir, query, target, day)
    start, end = view.ends
    explanation = view.explanation
    rejected = [_rejected(view, rejection) for rejection in explanation.refused]
    nearby = [TextSection("rejected near them", rejected, "rejected")] if rejected else []
    if not explanation.one_person:
        owners = [
            {"identifier": str(each), **row}
            for each in view.ends
            for row in _owners(explanation.holders[each.id_key]) or [_NOBODY]
        ]
        return [TextSection(f"{start} and {end} are not one person", owners, "apart"), *nearby]
    if explanation.path is None:
        title = f"{start} and {end} are one person, and no record that is kept says why"
        return [TextSection(title, [], "link"), *nearby]
    hops = len(explanation.path)
    title = f"{start} and {end} are one person: {hops} {'link' if hops == 1 else 'links'}"
    return [TextSection(title, _path(view), "link"), *nearby]


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
        return [TextSection(f"person {view.person_id} is in no {tag.entity}", [], "tag")]
    text = f"{name} {shown_value(view.value)}{f' {tag.unit}' if tag.unit else ''}"
    if view.value is None:
        text = f"{name} has no value, or was not built since its definition changed,"
    first = TextSection(f"{tag.entity} {view.subject_id}: {text} as of {view.as_of}", [], "tag")
    reasons = (TextSection(reason.title, reason.rows, "reason") for reason in view.reasons)
    return [first, *reasons]


def _unmatched(view: IdentifierView, on: str) -> list[TextSection]:
    """Show the entities that an identifier ties, or why it belongs to no person."""
    if view.ties or view.entity_rejections:
        sections = [
            TextSection(
                f"{view.identifier}: {tie.entity} {tie.entity_id}",
                [{"person": person} for person in tie.persons],
                "entity",
            )
            for tie in view.ties
        ]
        rows = [
            {"entity": each.entity, "person": each.person_id, "why": each.reason, "day": each.day}
            for each in view.entity_rejections
        ]
        return [
            *sections,
            *([TextSection(f"{view.identifier}: does not tie", rows, "rejected")] if rows else []),
        ]
    reasons = [{"rule": each.rule, "why": each.reason} for each in view.rejections]
    why = reasons or _owners(view.owners)
    return [TextSection(f"{view.identifier}: unmatched {on}", why, "unmatched")]


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
        TextSection("identifiers", identifiers, "identifiers"),
        TextSection("belongs to", memberships, "entities"),
        TextSection("life-cycle stage", stage, "stage"),
        TextSection("recency, frequency, money", _rfm(person), "rfm"),
        TextSection("scores", _scores(person.scores), "scores"),
        TextSection("audiences", _audiences(person), "audiences"),
        TextSection("lookalikes", _lookalikes(person), "lookalikes"),
        TextSection("tags", tags, "tags"),
        TextSection("what became of this person", changes, "changes"),
        TextSection("the last days with events", [_active(each) for each in person.days], "days"),
        *(_day(person.activity) if person.activity else []),
    ]
    return [section for section in sections if section.rows]


def _rfm(person: PersonView) -> Rows:
    rfm = person.rfm
    if rfm is None:
        return []
    row = {"segment": rfm.segment, "r": rfm.r, "f": rfm.f, "m": rfm.m}
    row |= {"days since": rfm.recency_days, "frequency": rfm.frequency, "monetary": rfm.monetary}
    return [row | {"as of": rfm.day}]


def _scores(scores: Iterable[tuple[Score, list[ScoreUse]]]) -> Rows:
    """Show a row per score and tag that is made of it."""
    return [
        {
            "model": score.model,
            "score": score.calibrated,
            "decile": score.decile,
            "tag": use.tag or None,
            "band": use.band,
            "threshold": use.threshold,
            "version": score.version,
            "as of": score.as_of,
        }
        for score, uses in scores
        for use in uses or [_NO_USE]
    ]


def _audiences(person: PersonView) -> Rows:
    return [
        {
            "audience": each.audience,
            "entity": each.entity,
            "number": each.entity_id,
            "as of": each.day,
        }
        for each in person.audiences
    ]


def _lookalikes(person: PersonView) -> Rows:
    return [
        {
            "lookalike": each.name,
            "rank": each.rank,
            "score": each.score,
            "level": each.level,
            "as of": each.day,
        }
        for each in person.lookalikes
    ]


def _active(active: ActiveDay) -> dict[str, Any]:
    return {
        "day": active.day,
        "events": active.n,
        "what": ", ".join(f"{event} {n:,}" for event, n in active.events),
        "amount": None if active.amount is None else float(active.amount),
        "terminals": ", ".join(active.terminals) or None,
    }


def _day(view: DayView) -> list[TextSection]:
    rows = [_session(each) for each in view.sessions]
    sections = [TextSection(f"sessions on {view.day}", rows, "sessions")]
    for session in view.sessions:
        visit = session.visit
        length = f"{session.first:%H:%M:%S} to {session.last:%H:%M:%S}"
        title = f"session {visit.number}: {length}, {visit.channel}"
        sections.append(TextSection(title, _events(session.events), "session"))
    title = "in no session" if view.sessions else f"events on {view.day}"
    return [*sections, TextSection(title, _events(view.other_events), "events")]


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
