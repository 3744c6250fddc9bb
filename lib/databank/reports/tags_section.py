"""The section on tags: how many have each, what became of that, who uses it."""

import re

from databank.reports import charts, format as fmt
from databank.reports.config import NoteConfig, ReportConfig
from databank.reports.facts import Facts, TagReach
from databank.reports.page import Grid, Panel, Section
from databank.reports.reasons import why_missing

_TAGS_DRAWN = 15
_USERS_NAMED = 3


def tags_section(facts: Facts, config: ReportConfig) -> Section:
    """Reach of the tags with what they mean, and how a few are distributed."""
    title = "Tags"
    if not facts.tags:
        return Section("tags", title, "", missing=why_missing(facts, "tags.person_tag"))
    notes = {note.name: note for note in config.tags}
    persons = facts.totals.get("persons") or max(t.persons for t in facts.tags)
    wide = sum(t.persons >= persons / 2 for t in facts.tags)
    says = (
        f"{fmt.plural(len(facts.tags), 'tag')} describe {fmt.plural(persons, 'person')}; "
        f"{fmt.count(wide)} of them reach at least half."
    )
    return Section(
        "tags",
        title,
        says,
        panels=(
            _top_tags(facts.tags[:_TAGS_DRAWN], persons),
            *_tag_values(facts, notes),
            _tag_table(facts, notes, persons),
        ),
    )


def _top_tags(tags: tuple[TagReach, ...], persons: int) -> Panel:
    says = (
        f"The widest is {fmt.label(tags[0].tag, 40)}: {fmt.plural(tags[0].persons, 'person')} "
        f"({fmt.share(tags[0].persons, persons)})."
    )
    texts = [fmt.share(t.persons, persons) for t in tags]
    hovers = [
        f"{text}, {fmt.plural(t.persons, 'person')}" for t, text in zip(tags, texts, strict=True)
    ]
    names, values = [t.tag for t in tags], [t.persons for t in tags]
    figure = charts.bars(names, values, texts, hovers=hovers, length=44)
    return Panel("Tags that reach the most persons", says, figure, wide=True)


def _tag_table(facts: Facts, notes: dict[str, NoteConfig], persons: int) -> Panel:
    tags = (*facts.tags, *facts.entity_tags)
    # those of a household are a share of households
    whole = {kind.entity: kind.number for kind in facts.entities}
    owned = any(_note(tag.tag, notes).owner for tag in tags)
    rows = []
    for tag in tags:
        note = _note(tag.tag, notes)
        spread = ""
        if tag.median is not None:
            spread = f"{fmt.short_number(tag.low)} \u2013 {fmt.short_number(tag.high)}"
        middle = fmt.short_number(tag.median) if tag.median is not None else ""
        rows.append(
            (
                f"{tag.tag} ({tag.entity})" if tag.entity else tag.tag,
                note.description,
                *((note.owner,) if owned else ()),
                _users(note),
                fmt.share(tag.persons, whole.get(tag.entity, 0) if tag.entity else persons),
                fmt.change(tag.persons, tag.earlier),
                f"{middle} {note.unit}".strip() if middle else "",
                spread,
            )
        )
    numbers = sum(t.median is not None for t in tags)
    says = (
        f"{fmt.plural(numbers, 'tag')} of {fmt.count(len(tags))} hold numbers: half of those "
        "who have it lie below the median, four in five within the range. "
        "Change is that of how many have it, since the run day before."
    )
    texts = ("Tag", "What it tells", *(("Owner",) if owned else ()), "Used by")
    head = (*texts, "Reach", "Change", "Median", "Range")
    return Panel("All tags", says, grid=Grid(head, tuple(rows), words=len(texts)), wide=True)


def _users(note: NoteConfig) -> str:
    """Who refers to a tag: the first few by name."""
    more = len(note.used_by) - _USERS_NAMED
    named = ", ".join(note.used_by[:_USERS_NAMED])
    return f"{named} +{more} more" if more > 0 else named


def _note(name: str, notes: dict[str, NoteConfig]) -> NoteConfig:
    """A tag's note; the places of a top-k tag share the note of their tag."""
    base = re.sub(r"_\d+$", "", name)
    return notes.get(name) or notes.get(base) or NoteConfig(name=name)


def _tag_values(facts: Facts, notes: dict[str, NoteConfig]) -> tuple[Panel, ...]:
    panels = []
    for tag in dict.fromkeys(name for name, _, _ in facts.tag_values):
        found = [(value, n) for name, value, n in facts.tag_values if name == tag]
        total = sum(n for _, n in found)
        value, n = max(found, key=lambda pair: pair[1])
        note = _note(tag, notes)
        unit = f" {note.unit}" if note.unit else ""
        tells = f"{note.description.rstrip('.')}. " if note.description else ""
        says = (
            f"{tells}The most frequent value is {value}{unit}: {fmt.count(n)} of "
            f"{fmt.plural(total, 'person')} ({fmt.share(n, total)})."
        )
        numeric = any(t.tag == tag and t.median is not None for t in facts.tags)
        names, values = [v for v, _ in found], [n for _, n in found]
        if numeric:
            figure = charts.columns(names, values, title=note.unit)
        else:
            texts = [f"{fmt.count(v)} ({fmt.share(v, total)})" for v in values]
            figure = charts.bars(names, values, texts)
        panels.append(Panel(f"How {fmt.label(tag, 40)} is distributed", says, figure))
    return tuple(panels)
