"""What a bank has never had: events, values and attributes that the configuration names, and why
somebody may have meant another; read from the published bank, without Spark.

A new event may be on its way, so all this is warned of and never refused.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from databank.archive.config import ArchiveConfig
from databank.errors import DataBankError, did_you_mean
from databank.expressions import Macro
from databank.expressions.macros import ANY_EVENT
from databank.expressions.types import Known, type_faults
from databank.indicators.kinds import RetentionIndicator
from databank.project.graph import LIFECYCLE
from databank.project.model import Project
from databank.tables.outside import holds_bank
from databank.tables.published_reader import PublishedReader
from databank.tags.filters import literal
from databank.tags.kinds.attribute import ProfileTag
from databank.tags.kinds.preference import PreferenceTag

_ARCHIVE, _PROFILES = "archive.person_day", "core.profiles"
_MOST_VALUES = 1_000  # of a dimension; one that has more is no list of names


class BankValues:
    """What a published bank has had so far, each part read when it is first asked for.

    Args:
        root: The warehouse.
        archive: Which dimensions events have.
    """

    def __init__(self, root: str, archive: ArchiveConfig) -> None:
        self._reader, self._archive = PublishedReader(root), archive
        self._dimensions: dict[tuple[str, str], frozenset[str] | None] = {}

    @cached_property
    def terminals(self) -> Mapping[str, frozenset[str]]:
        """Event -> terminals that it was seen on; all events there are."""
        seen: dict[str, set[str]] = {}
        pair = ("event", "terminal")
        for event, terminal in self._reader.find(_ARCHIVE, pair, "true GROUP BY event, terminal"):
            seen.setdefault(event, set()).add(terminal)
        return {event: frozenset(terminals) for event, terminals in seen.items()}

    def values(self, event: str, dimension: str) -> frozenset[str] | None:
        """Values that a dimension of an event has had; None = too many to be names."""
        if (event, dimension) not in self._dimensions:
            where = "true" if event == ANY_EVENT else f"event = {literal(event)}"
            value = f"dims[{literal(dimension)}]"
            rows = self._reader.find(_ARCHIVE, (value,), f"{where} GROUP BY {value}")
            values = frozenset(row[0] for row in rows if row[0] is not None)
            several = None if len(values) > _MOST_VALUES else values
            self._dimensions[event, dimension] = several
        return self._dimensions[event, dimension]

    def has_attribute(self, name: str) -> bool:
        """Tell whether any profile says an attribute; yes where there are no profiles yet."""
        has = f"bool_or(attributes[{literal(name)}] IS NOT NULL)"
        rows = self._reader.find(_PROFILES, ("count(*)", has), "true")
        return not rows or not rows[0][0] or bool(rows[0][1])

    @cached_property
    def attributes(self) -> frozenset[str]:
        """Names of all attributes that profiles have had."""
        names = "list_distinct(flatten(list(map_keys(attributes))))"
        rows = self._reader.find(_PROFILES, (names,), "true")
        return frozenset(rows[0][0] or ()) if rows else frozenset()


def bank_warnings(project: Project, root: str) -> list[str]:
    """Warn of what the configuration names and the bank has never had.

    Returns:
        Lines, `what; what may be meant`; none for a bank that has no archive yet, and that it
        cannot be read where that is so: the run that mends it is not to be stopped.
    """
    try:
        if not holds_bank(root):
            return []
        return _warnings(project, BankValues(root, project.archive))
    except DataBankError as error:
        return [str(error)]


def _warnings(project: Project, bank: BankValues) -> list[str]:
    if not bank.terminals:
        return []
    lines = []
    for what, entry in _entries(project):
        for macro in dict.fromkeys(_macros(entry)):
            lines += [f"{what}: {fault}" for fault in _of_macro(macro, bank, project.archive)]
        for event in _events(entry):
            lines += [f"{what}: {fault}" for fault in _of_event(event, bank, project.archive)]
        if isinstance(entry, PreferenceTag):
            values = bank.values(entry.event, entry.by)
            if values and entry.value not in values:
                hint = did_you_mean(entry.value, values)
                lines.append(f"{what}: {entry.by} was never {entry.value!r} so far; {hint}")
        if isinstance(entry, ProfileTag) and not bank.has_attribute(entry.attribute):
            hint = did_you_mean(entry.attribute, bank.attributes)
            lines.append(f"{what}: no profile has {entry.attribute!r} so far; {hint}")
    return list(dict.fromkeys(lines))


def _entries(project: Project) -> Iterator[tuple[str, Any]]:
    """List what names events, each with how a line calls it."""
    yield "archive.yml", project.archive
    for tag in project.tags:
        yield f"tag {tag.name}", tag
    for model in project.models:
        yield f"model {model.model}", model
    for audience in project.audiences:
        yield f"audience {audience.audience}", audience
    for lookalike in project.lookalikes:
        yield f"lookalike {lookalike.lookalike}", lookalike
    for indicator in project.indicators:
        yield f"indicator {indicator.name}", indicator
    if project.lifecycle is not None:
        yield f"{LIFECYCLE}.yml", project.lifecycle


def _macros(entry: Any) -> Iterable[Macro]:
    expressions = getattr(entry, "expressions", ())
    return (macro for each in expressions for macro in each.macros if macro.reads_events)


def _events(entry: Any) -> Iterable[str]:
    """List the events that an entry names outside of macros."""
    if isinstance(entry, ArchiveConfig):
        counted = entry.sessions.events if entry.sessions else None
        return (*entry.dimensions, *(counted or ()))
    if isinstance(entry, RetentionIndicator):
        return (entry.back,) if entry.back else ()
    rfm = getattr(entry, "rfm", None)
    return (rfm.event, *rfm.also_money) if rfm is not None else ()


def _of_event(event: str | None, bank: BankValues, archive: ArchiveConfig) -> Iterator[str]:
    known = {*bank.terminals, *archive.synthetic_events}
    if event is not None and event != ANY_EVENT and event not in known:
        yield f"no event {event!r} so far; {did_you_mean(event, known)}"


def _of_macro(macro: Macro, bank: BankValues, archive: ArchiveConfig) -> Iterator[str]:
    unknown = list(_of_event(macro.event, bank, archive))
    yield from unknown
    if unknown or macro.filter is None or macro.event is None:
        return
    event = macro.event
    used = [name for name in archive.names if name in macro.filter]
    columns = {name: Known(name, None, bank.values(event, name) or None) for name in used}
    if "terminal" in macro.filter and macro.hours is None:
        named = bank.terminals.values() if event == ANY_EVENT else [bank.terminals.get(event)]
        terminals = frozenset(each for some in named if some for each in some)
        columns["terminal"] = Known("terminal", None, terminals or None)
    for fault in type_faults(macro.filter, columns, condition=False):
        yield f"filter of {macro.name}({event!r}): {fault}"
