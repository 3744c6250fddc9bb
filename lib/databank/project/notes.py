"""What the report says in words about the names of a project."""

from collections.abc import Iterable
from typing import Protocol

from databank.config.kinds import Entry
from databank.indicators.kinds import SumIndicator
from databank.lifecycle.config import Distinct, RfmConfig
from databank.project.graph import Node
from databank.project.model import Project
from databank.reports.config import IndicatorNote, NoteConfig, ReportConfig, RfmNote
from databank.tags.kinds.measure import MeasureTag


class _Described(Protocol):
    @property
    def description(self) -> str:
        """One sentence for people."""
        ...


def report_config(project: Project) -> ReportConfig:
    """Gather titles, units, owners and descriptions for the report."""
    stages = project.lifecycle.stages if project.lifecycle else ()
    currency = project.settings.currency
    users = project.graph.users()
    return ReportConfig(
        title=project.settings.name,
        currency=currency,
        stages=tuple(stage.name for stage in stages),
        rfm=_rfm(project.lifecycle.rfm if project.lifecycle else None),
        sessions=project.archive.sessions is not None,
        tags=tuple(
            NoteConfig(
                **_words(tag, currency if _is_money(tag) else ""),
                description=tag.full_description,
                used_by=tuple(user.name for user in users[Node("tag", tag.name)]),
            )
            for tag in project.tags
        ),
        indicators=tuple(
            IndicatorNote(
                **_words(indicator, currency if _is_money(indicator) else ""),
                description=indicator.description,
                ahead=indicator.ahead,
            )
            for indicator in project.indicators
        ),
        audiences=_notes((each.audience, each) for each in project.audiences),
        models=tuple(
            NoteConfig(name=m.model, description=m.description, kind=m.algorithm)
            for m in project.models
        ),
        lookalikes=_notes((each.lookalike, each) for each in project.lookalikes),
    )


def _words(entry: Entry, unit: str) -> dict[str, str]:
    """What an entry says of itself; a unit of its own wins over the bank's currency."""
    named = {"name": entry.name, "kind": entry.kind, "owner": entry.owner}
    return {**named, "unit": entry.unit or unit}


def _is_money(entry: Entry) -> bool:
    """Say whether an entry gives an amount, so that it is of the bank's currency."""
    if isinstance(entry, SumIndicator):
        return entry.of == "amount"
    return isinstance(entry, MeasureTag) and entry.measure.endswith("(amount)")


def _rfm(rfm: RfmConfig | None) -> RfmNote | None:
    if rfm is None:
        return None
    counted = rfm.frequency.distinct if isinstance(rfm.frequency, Distinct) else rfm.frequency
    return RfmNote(event=rfm.event, counted=counted, money=tuple(rfm.also_money))


def _notes(entries: Iterable[tuple[str, _Described]]) -> tuple[NoteConfig, ...]:
    return tuple(NoteConfig(name=name, description=e.description) for name, e in entries)
