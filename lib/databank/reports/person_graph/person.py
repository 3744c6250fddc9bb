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
from databank.reports.person_graph.parts import Dot, Rejected, Seen, Tie, tie_up
from databank.tables.published_reader import PublishedReader

_MOST = 400  # identifiers; more take long to place, and nobody could tell them apart


def draw_person(root: str, id_type: str, value: str, *, scope: str | None = None) -> go.Figure:
    """Draw the graph of the person who holds an identifier today, with identifiers' values.

    Drawn are all identifiers that the person holds or held, the records that tie them, and what
    was rejected about them; see `databank.reports.person_graph.draw`.

    Args:
        root: The warehouse.
        id_type: Type of the identifier.
        value: The identifier, as people write it.
        scope: Chooses where several identifiers are written alike.

    Raises:
        DataBankError: If the identifier is not known, belongs to no person today, or its
            person holds too much for a picture.
    """
    lookup = PublishedReader(root)
    [identifier] = find_identifiers(lookup, [IdentifierQuery(id_type, value, scope)])
    person = _holder(lookup, identifier)
    held = identifiers_of(lookup, person)
    keys = {period.id_key for period in held}
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
    weak_bridges, rejected = len(find_weak_bridges(ties)), sum(bool(tie.rejected) for tie in ties)
    title = (
        f"Person {person}: {fmt.plural(len(keys), 'identifier')}, "
        f"{fmt.plural(weak_bridges, 'weak bridge')}, {fmt.plural(rejected, 'rejected link')}"
    )
    return figure.update_layout(
        title={"text": title, "font": {"size": 16}},
        template="plotly_white",
        hovermode="closest",
        hoverlabel={"bgcolor": "#ffffff"},
        margin={"t": 56},
        legend={"orientation": "h", "x": 0, "y": 0, "yanchor": "top"},
    )


def _holder(lookup: PublishedReader, identifier: Identifier) -> int:
    holders = owners_of(lookup, [identifier.id_key])[identifier.id_key]
    today = [period for period in holders if period.covers(None)]
    if today:
        return today[0].person_id
    rejections = rejections_of(lookup, [identifier.id_key])
    causes = [f"excluded: {row.reason}" for row in rejections if row.b_key is None]
    causes += [f"person {period.person_id} held it until {period.valid_to}" for period in holders]
    why = f" ({'; '.join(causes)})" if causes else ""
    raise DataBankError(
        f"{identifier.id_type}: this identifier belongs to no person today{why}; "
        "draw one that a person holds"
    )


def _names(lookup: PublishedReader, keys: set[int]) -> dict[int, Identifier]:
    """Look up identifiers by key; one that the bank no longer knows is called by its key."""
    return {key: Identifier(key, "unknown", "", str(key)) for key in keys} | identifiers_by_key(
        lookup, keys
    )


def _ties(
    lookup: PublishedReader, held: list[OwnershipPeriod], names: dict[int, Identifier]
) -> list[Tie]:
    # as the last run of resolve_identity took them
    state = lookup.find("identity.state", ("rules", "timezone"), "true")
    rules = IdentityConfig.model_validate_json(state[0][0]) if state else None
    zone = state[0][1] if state else "UTC"
    listed = ", ".join(str(key) for key in sorted(names))
    outward = evidence_where(lookup, f"(a_key IN ({listed})) <> (b_key IN ({listed}))")
    evidence = [*evidence_within(lookup, held, zone), *outward]
    evidence += manual_links(rules.must_link if rules else (), names)
    rejected = rejections_of(lookup, names)
    ends = {key for row in outward for key in (row.a_key, row.b_key)} - names.keys()
    rejected += [row for row in rejections_of(lookup, ends) if row.b_key is None]
    reasons = [Rejected(row.a_key, row.b_key, row.reason) for row in rejected]
    return tie_up(_seen(evidence, zone), reasons, names)


def _seen(evidence: Iterable[EvidenceRow], zone: str) -> list[Seen]:
    return [
        Seen(
            row.a_key,
            row.b_key,
            row.source,
            row.rule,
            None if row.last_ts is None else row.last_ts.astimezone(ZoneInfo(zone)).date(),
            row.n,
        )
        for row in evidence
    ]


def _dots(held: list[OwnershipPeriod], names: dict[int, Identifier]) -> list[Dot]:
    """Make one dot for each identifier; of several periods the last counts."""
    last = {x.id_key: x for x in sorted(held, key=lambda x: str(x.valid_from or ""))}
    return [
        Dot(
            key,
            names[key].id_type,
            _name(names[key]),
            "held" if period.covers(None) else "former",
            _days(period),
        )
        for key, period in last.items()
    ]


def _beyond(names: dict[int, Identifier]) -> list[Dot]:
    return [Dot(x.id_key, x.id_type, _name(x), "beyond") for x in names.values()]


def _name(identifier: Identifier) -> str:
    scope = f" ({identifier.scope})" if identifier.scope else ""
    return f"{identifier.id_value}{scope}"


def _days(period: OwnershipPeriod) -> str:
    begun = f" from {period.valid_from}" if period.valid_from else ""
    ended = f" until {period.valid_to}" if period.valid_to else ""
    return f"held{begun}{ended}" if begun or ended else ""
