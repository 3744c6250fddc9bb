"""Draw a person of the bank by one of its identifiers, without Spark."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from databank.errors import DataBankError
from databank.identity.config import IdentityConfig
from databank.identity.evidence_path import EvidenceRow
from databank.identity.explain import (
    OwnershipPeriod,
    evidence_where,
    evidence_within,
    identifiers_of,
    manual_links,
    owners_of,
    rejections_of,
)
from databank.identity.identifier_query import (
    Identifier,
    IdentifierQuery,
    find_identifiers,
    identifiers_by_key,
)
from databank.reports import format as fmt
from databank.reports.person_graph.draw import draw_graph, find_weak_bridges
from databank.reports.person_graph.parts import Dot, Refused, Seen, Tie, tie_up
from databank.tables.published_reader import PublishedReader

_MOST = 400  # identifiers; more take long to place, and nobody could tell them apart


def draw_person(root: str, id_type: str, value: str, *, scope: str | None = None) -> go.Figure:
    """The graph of the person who holds an identifier today; the values of identifiers are shown.

    Drawn are all identifiers that the person holds or held, the records that tie them, and what
    was refused about them; see `databank.reports.person_graph.draw`.

    Args:
        root: The warehouse.
        id_type: Type of the identifier.
        value: The identifier, as people write it.
        scope: Chooses where several identifiers are written alike.

    Raises:
        DataBankError: If the identifier is not known, is nobody's today, or its person holds too
            much for a picture.
    """
    lookup = PublishedReader(root)
    [asked] = find_identifiers(lookup, [IdentifierQuery(id_type, value, scope)])
    person = _holder(lookup, asked)
    held = identifiers_of(lookup, person)
    keys = {one.id_key for one in held}
    if len(keys) > _MOST:
        raise DataBankError(
            f"{id_type}: person {person} has {fmt.count(len(keys))} identifiers, too many for a "
            f"picture (limit {_MOST}); `databank person` lists them, and --why shows single chains"
        )
    names = _names(lookup, keys)
    ties = _ties(lookup, held, names)
    beyond = {end for tie in ties for end in (tie.a, tie.b)} - keys
    dots = _dots(held, names) + _beyond(_names(lookup, beyond))
    figure = go.Figure(draw_graph(dots, ties))
    weak_bridges, refused = len(find_weak_bridges(ties)), sum(bool(tie.refused) for tie in ties)
    told = (
        f"Person {person}: {fmt.plural(len(keys), 'identifier')}, "
        f"{fmt.plural(weak_bridges, 'weak bridge')}, {fmt.plural(refused, 'refused link')}"
    )
    return figure.update_layout(
        title={"text": told, "font": {"size": 16}},
        template="plotly_white",
        hovermode="closest",
        hoverlabel={"bgcolor": "#ffffff"},
        margin={"t": 56},
        legend={"orientation": "h", "x": 0, "y": 0, "yanchor": "top"},
    )


def _holder(lookup: PublishedReader, asked: Identifier) -> int:
    holders = owners_of(lookup, [asked.id_key])[asked.id_key]
    today = [one for one in holders if one.covers(None)]
    if today:
        return today[0].person_id
    told = [
        f"set aside: {r.reason}" for r in rejections_of(lookup, [asked.id_key]) if r.b_key is None
    ]
    told += [f"person {h.person_id} held it until {h.valid_to}" for h in holders]
    why = f" ({'; '.join(told)})" if told else ""
    raise DataBankError(
        f"{asked.id_type}: this identifier is nobody's today{why}; draw one that somebody holds"
    )


def _names(lookup: PublishedReader, keys: set[int]) -> dict[int, Identifier]:
    """Identifiers by key; one that the bank no longer knows is called by its key."""
    return {key: Identifier(key, "unknown", "", str(key)) for key in keys} | identifiers_by_key(
        lookup, keys
    )


def _ties(
    lookup: PublishedReader, held: list[OwnershipPeriod], names: dict[int, Identifier]
) -> list[Tie]:
    # as the last run of resolve_identity took them
    basis = lookup.find("identity.state", ("rules", "timezone"), "true")
    rules = IdentityConfig.model_validate_json(basis[0][0]) if basis else None
    zone = basis[0][1] if basis else "UTC"
    listed = ", ".join(str(key) for key in sorted(names))
    outward = evidence_where(lookup, f"(a_key IN ({listed})) <> (b_key IN ({listed}))")
    found = [*evidence_within(lookup, held, zone), *outward]
    found += manual_links(rules.must_link if rules else (), names)
    refused = rejections_of(lookup, names)
    ends = {key for row in outward for key in (row.a_key, row.b_key)} - names.keys()
    refused += [row for row in rejections_of(lookup, ends) if row.b_key is None]
    told = [Refused(row.a_key, row.b_key, row.reason) for row in refused]
    return tie_up(_seen(found, zone), told, names)


def _seen(found: Iterable[EvidenceRow], zone: str) -> list[Seen]:
    return [
        Seen(
            row.a_key,
            row.b_key,
            row.source,
            row.rule,
            None if row.last_ts is None else row.last_ts.astimezone(ZoneInfo(zone)).date(),
            row.n,
        )
        for row in found
    ]


def _dots(held: list[OwnershipPeriod], names: dict[int, Identifier]) -> list[Dot]:
    """A dot an identifier; of several holdings of one the last one counts."""
    last = {one.id_key: one for one in sorted(held, key=lambda one: str(one.valid_from or ""))}
    return [
        Dot(
            key,
            names[key].id_type,
            _name(names[key]),
            "held" if one.covers(None) else "former",
            _days(one),
        )
        for key, one in last.items()
    ]


def _beyond(names: dict[int, Identifier]) -> list[Dot]:
    return [Dot(one.id_key, one.id_type, _name(one), "beyond") for one in names.values()]


def _name(one: Identifier) -> str:
    return f"{one.id_value} ({one.scope})" if one.scope else one.id_value


def _days(one: OwnershipPeriod) -> str:
    begun = f" from {one.valid_from}" if one.valid_from else ""
    ended = f" until {one.valid_to}" if one.valid_to else ""
    return f"held{begun}{ended}" if begun or ended else ""
