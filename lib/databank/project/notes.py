"""What the report says in words about the names of a project."""

from collections.abc import Iterable
from typing import Protocol

from databank.config.kinds import Entry
from databank.project.graph import Node
from databank.project.model import Project
from databank.reports.config import IndicatorNote, NoteConfig, ReportConfig


class _Described(Protocol):
    @property
    def description(self) -> str:
        """One sentence for people."""
        ...


def report_config(project: Project) -> ReportConfig:
    """Gather titles, units, owners and descriptions for the report."""
    stages = project.lifecycle.stages if project.lifecycle else ()
    users = project.graph.users()
    return ReportConfig(
        title=project.settings.name,
        currency=project.settings.currency,
        stages=tuple(stage.name for stage in stages),
        sources=tuple(source.source for source in project.sources),
        tags=tuple(
            NoteConfig(
                **_words(tag),
                description=tag.full_description,
                used_by=tuple(user.name for user in users[Node("tag", tag.name)]),
            )
            for tag in project.tags
        ),
        indicators=tuple(
            IndicatorNote(
                **_words(indicator), description=indicator.description, ahead=indicator.ahead
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


def _words(entry: Entry) -> dict[str, str]:
    return {"name": entry.name, "unit": entry.unit, "kind": entry.kind, "owner": entry.owner}


def _notes(entries: Iterable[tuple[str, _Described]]) -> tuple[NoteConfig, ...]:
    return tuple(NoteConfig(name=name, description=e.description) for name, e in entries)
