"""The section on OneID: who is who, and how sure of it one can be."""

import itertools

from databank.reports import charts, format as fmt
from databank.reports.facts import Cluster, Facts, SetAside
from databank.reports.oneid import MOST_IDENTIFIERS, SIZES
from databank.reports.page import Grid, Panel, Section
from databank.reports.person_graph.draw import draw_graph
from databank.reports.reasons import why_missing

_CHANGES = {
    "new": ("new person", "new persons"),
    "merge": ("merge", "merges"),
    "split": ("split", "splits"),
    "retired": ("retired person", "retired persons"),
}


def identity_section(facts: Facts) -> Section:
    """Identifiers per person and type, changes, what was set aside."""
    title = "OneID: who is who"
    if not facts.per_person:
        missing = why_missing(facts, "identity.person")
        return Section("oneid", title, "", missing=missing)
    persons = sum(n for _, n in facts.per_person)
    resolved = sum(t.resolved for t in facts.id_types)
    says = f"{fmt.plural(persons, 'person')} stand behind the identifiers of the bank."
    if resolved:
        says = (
            f"Behind {fmt.plural(resolved, 'identifier')} stand "
            f"{fmt.plural(persons, 'person')}: {fmt.number(resolved / persons)} each."
        )
    changes = facts.changes
    tiles: tuple[tuple[str, str], ...] = ()
    if facts.changes_day is not None:
        tiles = tuple(
            (
                f"{many} on {fmt.day(facts.changes_day, beside=facts.day)}",
                fmt.count(changes.get(kind, 0)),
            )
            for kind, (_, many) in _CHANGES.items()
        )
    panels = (
        _per_person(facts, persons),
        *_id_types(facts, persons),
        *_cluster_sizes(facts),
        *_largest(facts),
        *_odd_person(facts),
        *_entities(facts, persons),
        *_set_aside(facts),
    )
    return Section("oneid", title, says, tiles, panels)


def _per_person(facts: Facts, persons: int) -> Panel:
    held = dict(facts.per_person)
    names = [f"{n}+" if n == MOST_IDENTIFIERS else str(n) for n in range(1, max(held) + 1)]
    values = [held.get(n, 0) for n in range(1, max(held) + 1)]
    several = persons - held.get(1, 0)
    return Panel(
        "Identifiers per person",
        f"{fmt.count(several)} of {fmt.plural(persons, 'person')} "
        f"({fmt.share(several, persons)}) are known by two identifiers or more.",
        charts.columns(names, values, title="identifiers"),
    )


def _id_types(facts: Facts, persons: int) -> tuple[Panel, ...]:
    if not facts.id_types:
        return ()
    top = sorted(facts.id_types, key=lambda t: -t.persons)
    rows = tuple(
        (
            fmt.label(t.id_type),
            fmt.count(t.identifiers),
            fmt.count(t.persons),
            fmt.share(t.persons, persons),
            fmt.number(t.resolved / t.persons if t.persons else None, 2),
            fmt.count(t.most),
        )
        for t in top
    )
    says = (
        f"Most persons are known by {fmt.label(top[0].id_type)}: {fmt.count(top[0].persons)} "
        f"({fmt.share(top[0].persons, persons)})."
    )
    head = ("Type", "Identifiers", "Persons", "Of all persons", "Each", "Most")
    shades = tuple((None, None, None, t.persons / persons, None, None) for t in top)
    return (Panel("Reach by type of identifier", says, grid=Grid(head, rows, shades=shades)),)


def _entities(facts: Facts, persons: int) -> tuple[Panel, ...]:
    if not facts.entities:
        return ()
    rows = tuple(
        (
            fmt.label(kind.entity),
            fmt.count(kind.number),
            fmt.count(kind.persons),
            fmt.share(kind.persons, persons),
            fmt.count(kind.in_company),
            fmt.count(kind.largest),
            fmt.count(kind.set_aside),
        )
        for kind in facts.entities
    )
    most = max(facts.entities, key=lambda kind: kind.in_company)
    says = (
        f"{fmt.count(most.in_company)} of {fmt.plural(persons, 'person')} share their "
        f"{fmt.label(most.entity)} with somebody the bank knows. An identifier that too many "
        "share, such as the address of a hall of residence, ties nobody."
    )
    head = ("Kind", "Number", "Persons", "Of all persons", "Not alone", "Largest", "Ties nobody")
    return (Panel("Who belongs together", says, grid=Grid(head, rows)),)


def _cluster_sizes(facts: Facts) -> tuple[Panel, ...]:
    if not facts.cluster_sizes:
        return ()
    jointed = sum(size.jointed for size in facts.cluster_sizes)
    persons = sum(size.persons for size in facts.cluster_sizes)
    says = (
        f"{fmt.count(jointed)} of {fmt.plural(persons, 'person')} with two identifiers or more "
        f"({fmt.share(jointed, persons)}) hang on a single link between two groups: look there "
        "first for strangers taken for one. A refused link is a conflict of each person it touches."
    )
    ends = dict(itertools.pairwise(SIZES))
    rows = tuple(
        (
            _class(size.begin, ends.get(size.begin)),
            fmt.count(size.persons),
            fmt.number(size.density, 2),
            fmt.number(size.bridges),
            fmt.share(size.jointed, size.persons),
            fmt.count(size.conflicts),
        )
        for size in facts.cluster_sizes
    )
    head = ("Identifiers", "Persons", "Density", "Bridges", "On a joint", "Conflicts")
    shades = tuple(
        (None, None, None, None, size.jointed / size.persons, None) for size in facts.cluster_sizes
    )
    grid = Grid(head, rows, shades=shades)
    return (Panel("How persons hang together", says, grid=grid, wide=True),)


def _class(begin: int, after: int | None) -> str:
    if after is None:
        return f"{begin}+"
    return str(begin) if after == begin + 1 else f"{begin}–{after - 1}"  # noqa: RUF001


def _largest(facts: Facts) -> tuple[Panel, ...]:
    if not facts.largest:
        return ()
    first = facts.largest[0]
    says = (
        f"Person {first.person_id} has {fmt.plural(first.identifiers, 'identifier')}; no other "
        "has more. Density is the share of all pairs that were seen together; bridges are links "
        "without which the person would fall into two."
    )
    rows = tuple(
        (
            str(one.person_id),
            _held(one),
            fmt.count(one.identifiers),
            fmt.count(one.links),
            fmt.number(one.density, 2),
            fmt.count(one.bridges),
            fmt.count(one.joints),
            fmt.count(one.conflicts),
        )
        for one in facts.largest
    )
    head = (
        "Person", "Holds", "Identifiers", "Links", "Density", "Bridges", "Joints", "Conflicts",
    )  # fmt: skip
    grid = Grid(head, rows, words=2)
    return (Panel("The largest persons", says, grid=grid, wide=True),)


def _held(one: Cluster) -> str:
    return ", ".join(fmt.label(kind) + (f" × {n}" if n > 1 else "") for kind, n in one.kinds)  # noqa: RUF001


def _odd_person(facts: Facts) -> tuple[Panel, ...]:
    one = facts.odd_person
    if one is None:
        return ()
    refused = sum(bool(tie.refused) for tie in one.ties)
    told = [fmt.plural(one.joints, "joint") + " (red)"] if one.joints else []
    told += [fmt.plural(refused, "refused link") + " (dashed)"] if refused else []
    says = (
        f"Person {one.person_id} has {fmt.plural(one.identifiers, 'identifier')}, with "
        f"{fmt.listed(told)}. "
    )
    if one.joints:
        says += (
            "A joint alone holds two groups together: point at it to see how many records say so, "
            "and if these are two people, name the pair under ignore_link in identity.yml. "
        )
    if refused:
        says += (
            "A refused link ties nothing: point at it for the reason, and if it is one person "
            "after all, name the pair under must_link."
        )
    figure = draw_graph(one.dots, one.ties)
    return (Panel("The person to look at first", says.strip(), figure, wide=True),)


def _set_aside(facts: Facts) -> tuple[Panel, ...]:
    made = []
    for title, found, noun, tells in (
        ("Identifiers set aside", facts.set_aside, "identifier", "set aside"),
        ("Links refused", facts.refused_pairs, "link", "refused"),
    ):
        if not found:
            continue
        total = sum(one.n for one in found)
        rows = tuple((_reason(one), fmt.label(one.id_type), fmt.count(one.n)) for one in found[:40])
        first = max(found, key=lambda one: one.n)
        says = (
            f"{fmt.plural(total, noun)} {tells}, so that strangers are not taken for one "
            f"person. The most frequent reason: {_reason(first)}, {fmt.plural(first.n, 'time')}."
        )
        alone = not (facts.set_aside and facts.refused_pairs)
        grid = Grid(("Why", "Type", "Number"), rows, words=2)
        made.append(Panel(title, says, grid=grid, wide=alone))
    return tuple(made)


def _reason(one: SetAside) -> str:
    return one.reason or one.rule.replace("_", " ")
