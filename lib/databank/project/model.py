"""The model of a configured bank: what its files say, read and checked, and no more."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from databank.archive.config import ArchiveConfig
from databank.audiences.config import AudienceConfig
from databank.config import Settings
from databank.dag import Dag
from databank.identity.config import IdentityConfig
from databank.indicators.kinds import IndicatorBase
from databank.lifecycle.config import LifecycleConfig
from databank.lookalike.config import LookalikeConfig
from databank.models.spec import ModelSpec
from databank.project.graph import Node
from databank.sources.formats.base import SourceFormat
from databank.tags.base import TagBase


@dataclass(frozen=True)
class Project:
    """The configuration of a bank.

    Attributes:
        retired: Tags that no run builds any more.
        graph: Tags, models, audiences, lookalikes and the life cycle, and what each refers to;
            drafts are in it, retired tags are not.
    """

    settings: Settings
    sources: tuple[SourceFormat, ...]
    identity: IdentityConfig
    archive: ArchiveConfig
    indicators: tuple[IndicatorBase, ...]
    tags: tuple[TagBase, ...]
    lifecycle: LifecycleConfig | None
    models: tuple[ModelSpec, ...]
    audiences: tuple[AudienceConfig, ...]
    lookalikes: tuple[LookalikeConfig, ...]
    retired: tuple[TagBase, ...] = ()
    graph: Dag[Node] = field(default_factory=lambda: Dag[Node]({}))

    @property
    def tag_types(self) -> Mapping[str, Any]:
        """Give the type of each tag by its name."""
        return {tag.name: tag.type for tag in self.tags}

    def counts(self) -> dict[str, int]:
        """Count the entries of each kind; kinds without entries are left out."""
        sizes = {
            "sources": len(self.sources),
            "indicators": len(self.indicators),
            "tags": len(self.tags),
            "models": len(self.models),
            "audiences": len(self.audiences),
            "lookalikes": len(self.lookalikes),
        }
        return {name: count for name, count in sizes.items() if count}


def narrowed(project: Project, nodes: Collection[Node]) -> Project:
    """Keep of the named entries those that some nodes build or refer to, directly or not."""
    used = {(node.kind, node.name) for node in project.graph.upstream(nodes)}
    return replace(
        project,
        tags=tuple(tag for tag in project.tags if ("tag", tag.name) in used),
        models=tuple(each for each in project.models if ("model", each.model) in used),
        audiences=tuple(each for each in project.audiences if ("audience", each.audience) in used),
        lookalikes=tuple(
            each for each in project.lookalikes if ("lookalike", each.lookalike) in used
        ),
    )
