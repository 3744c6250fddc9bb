"""The whole configuration of a bank, read and checked without Spark."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from databank.archive.config import ArchiveConfig
from databank.audiences.config import AudienceConfig, AudiencesConfig
from databank.config import ConfigReader, Settings
from databank.errors import DataBankError
from databank.hashing import fingerprint
from databank.identity.config import EntitiesConfig, IdentityConfig
from databank.identity.linkage.config import LinkageConfig
from databank.indicators.config import IndicatorConfig, IndicatorsConfig, IndicatorsFile
from databank.lifecycle.config import LifecycleConfig, LifecycleJobConfig
from databank.lookalike.config import LookalikeConfig, LookalikesConfig
from databank.models.config import ModelsConfig
from databank.models.definition import Definition
from databank.models.kinds import model_type
from databank.project.graph import (
    LIFECYCLE,
    Graph,
    Node,
    Part,
    find_cycle,
    needed_for,
    order_parts,
    users_of,
)
from databank.project.jobs import job_config
from databank.project.lists import find_lists
from databank.project.references import (
    check_entity,
    check_ranked,
    check_references,
    check_status,
    check_steps,
    check_tables,
    check_windows,
    entity_of,
    in_use,
    references_of,
    status_of,
    with_outcomes,
    with_tables,
)
from databank.reports.config import IndicatorNote, NoteConfig, ReportConfig
from databank.sources.config import SourceConfig, SourcesConfig
from databank.tags.config import TagConfig, TagsConfig, TagsFile
from databank.tags.list_file import ListFile


class Named(Protocol):
    """What all entries of the graph have in common."""

    @property
    def description(self) -> str:
        """One sentence for people."""
        ...


@dataclass(frozen=True)
class Bank:
    """All configuration of a bank; each job is given its part."""

    settings: Settings
    sources: tuple[SourceConfig, ...]
    identity: IdentityConfig
    archive: ArchiveConfig
    indicators: tuple[IndicatorConfig, ...]
    tags: tuple[TagConfig, ...]
    lifecycle: LifecycleConfig | None
    models: tuple[Definition, ...]
    audiences: tuple[AudienceConfig, ...]
    lookalikes: tuple[LookalikeConfig, ...]
    retired: tuple[TagConfig, ...] = ()
    lists: Mapping[str, ListFile] = field(default_factory=dict)
    graph: Graph = field(default_factory=dict)

    def parts(self, wanted: Iterable[Node] | None = None) -> list[Part]:
        """Parts of the graph in order of reference; of what `wanted` stands on, if given.

        Drafts are in them only where they are wanted.
        """
        chosen = [node for node in self.graph if not node.draft] if wanted is None else wanted
        return order_parts(needed_for(self.graph, chosen))

    def counts(self) -> dict[str, int]:
        """How many of each there are."""
        found = {
            "sources": len(self.sources),
            "indicators": len(self.indicators),
            "tags": len(self.tags),
            "models": len(self.models),
            "audiences": len(self.audiences),
            "lookalikes": len(self.lookalikes),
        }
        return {name: count for name, count in found.items() if count}

    def hash_of(self, job: str) -> str:
        """Hash of all that configures a job."""
        return fingerprint([repr(job_config(job, self)), self.settings.timezone])

    @cached_property
    def _tag_types(self) -> Mapping[str, Any]:
        return {tag.name: tag.type for tag in self.tags}

    def sources_config(self) -> SourcesConfig:
        """For ingest."""
        return SourcesConfig(
            sources=self.sources,
            identifier_order=self.identity.identifiers,
            entity_types=self.identity.entity_types,
        )

    def identity_config(self) -> IdentityConfig:
        """For resolve_identity."""
        return self.identity

    def linkage_config(self) -> LinkageConfig:
        """For link_profiles."""
        return LinkageConfig(linkage=self.identity.linkage)

    def entities_config(self) -> EntitiesConfig:
        """For resolve_entities."""
        types = self.identity.entity_types
        block = tuple(blocked for blocked in self.identity.block if blocked.type in types)
        return EntitiesConfig(entities=self.identity.entities, block=block)

    def archive_config(self) -> ArchiveConfig:
        """For build_archive."""
        return self.archive

    def indicators_config(self) -> IndicatorsConfig:
        """For build_indicators.

        Raises:
            DataBankError: If there is no conf/indicators.
        """
        if not self.indicators:
            raise DataBankError("indicators: there are none; describe some in indicators/*.yml")
        active = tuple(each for each in self.indicators if each.status == "active")
        return IndicatorsConfig(indicators=active, archive=self.archive)

    def tags_config(self) -> TagsConfig:
        """For build_tags."""
        return TagsConfig(tags=self.tags, archive=self.archive, lists=self.lists)

    def lifecycle_config(self) -> LifecycleJobConfig:
        """For build_lifecycle.

        Raises:
            DataBankError: If there is no conf/lifecycle.yml.
        """
        if self.lifecycle is None:
            raise DataBankError("lifecycle.yml: there is no such file; write stages into it")
        return LifecycleJobConfig(
            lifecycle=self.lifecycle, archive=self.archive, tags=self._tag_types
        )

    def models_config(self) -> ModelsConfig:
        """For train_model and score_model."""
        return ModelsConfig(models=self.models, archive=self.archive)

    def audiences_config(self) -> AudiencesConfig:
        """For build_audiences."""
        return AudiencesConfig(audiences=self.audiences, archive=self.archive, tags=self._tag_types)

    def lookalikes_config(self) -> LookalikesConfig:
        """For expand_lookalike."""
        return LookalikesConfig(lookalikes=self.lookalikes, archive=self.archive)

    def report_config(self) -> ReportConfig:
        """For publish_report."""
        stages = tuple(stage.name for stage in self.lifecycle.stages) if self.lifecycle else ()
        users = users_of(self.graph)
        return ReportConfig(
            title=self.settings.name,
            currency=self.settings.currency,
            stages=stages,
            sources=tuple(source.source for source in self.sources),
            tags=tuple(
                NoteConfig(
                    name=t.name,
                    description=t.told,
                    unit=t.unit,
                    kind=t.kind,
                    owner=t.owner,
                    used_by=tuple(user.name for user in users[Node("tag", t.name)]),
                )
                for t in self.tags
            ),
            indicators=tuple(
                IndicatorNote(
                    name=x.name,
                    description=x.description,
                    unit=x.unit,
                    kind=x.kind,
                    ahead=x.ahead,
                )
                for x in self.indicators
            ),
            audiences=_notes((a.audience, a) for a in self.audiences),
            models=tuple(
                NoteConfig(name=m.model, description=m.description, kind=m.algorithm)
                for m in self.models
            ),
            lookalikes=_notes((x.lookalike, x) for x in self.lookalikes),
        )


class Entry(NamedTuple):
    """Something with a name, and where in which file it stands."""

    file: str
    key: str
    kind: str
    name: str
    what: Any


def load_bank(conf_dir: str | Path) -> Bank:
    """Read a configuration folder and check all of it.

    Raises:
        ConfigFaultsError: With every fault of every file.
    """
    reader = ConfigReader(conf_dir)
    settings = reader.one("databank.yml", Settings, optional=True)
    identity = reader.one("identity.yml", IdentityConfig)
    archive = reader.one("archive.yml", ArchiveConfig, optional=True)
    lifecycle = None
    if (reader.folder / "lifecycle.yml").exists():
        lifecycle = reader.one("lifecycle.yml", LifecycleConfig)
    sources = reader.many("sources", SourceConfig)
    if not (reader.folder / "sources").is_dir():
        reader.fault("sources", "", "there is no such folder", "describe a source in sources/*.yml")
    tag_files = with_tables(reader, reader.many("tags", TagsFile))
    lists = find_lists(reader, tag_files, sources.values(), identity)
    indicators = reader.many("indicators", IndicatorsFile)
    models = reader.many("models", model_type)
    tag_files = with_outcomes(tag_files, models.values())
    audiences = reader.many("audiences", AudienceConfig)
    lookalikes = reader.many("lookalikes", LookalikeConfig)
    entries = [
        *(Entry(f, f"tags[{i}]", "tag", t.name, t)
          for f, each in tag_files.items() for i, t in each.each()),
        *(Entry(f, "model", "model", m.model, m) for f, m in models.items()),
        *(Entry(f, "audience", "audience", a.audience, a) for f, a in audiences.items()),
        *(Entry(f, "lookalike", "lookalike", x.lookalike, x) for f, x in lookalikes.items()),
    ]  # fmt: skip
    if lifecycle is not None:
        entries.append(Entry("lifecycle.yml", "", LIFECYCLE, LIFECYCLE, lifecycle))
    _check_twice(reader, [(f, "source", s.source) for f, s in sources.items()], "source")
    figures = [
        (f, f"indicators[{i}]", x)
        for f, each in indicators.items()
        for i, x in enumerate(each.indicators)
    ]
    _check_twice(reader, [(f, key, x.name) for f, key, x in figures], "indicator")
    for kind in ("tag", "model", "audience", "lookalike"):
        named = [(e.file, e.key, e.name) for e in entries if e.kind == kind]
        _check_twice(reader, named, kind)
    graph = {
        Node(e.kind, e.name, entity_of(e.what), status_of(e.what) == "draft"): frozenset(
            references_of(e.kind, e.what, tag_files)
        )
        for e in entries
    }
    retired = {Node(e.kind, e.name) for e in entries if not in_use(e.what)}
    complete = not reader.faults  # a file that cannot be read would make its names unknown
    if complete and archive is not None and identity is not None:
        for file, key, kind, name, entry in entries:
            check_references(reader, file, key, graph[Node(kind, name)], graph)
            check_entity(reader, file, key, entry, graph[Node(kind, name)], graph, identity)
            check_windows(reader, file, key, kind, entry, archive)
        for file, key, figure in figures:
            check_windows(reader, file, key, "indicator", figure, archive)
            check_steps(reader, file, key, figure, archive)
        check_ranked(reader, tag_files)
        check_tables(reader, tag_files)
        for file, key, kind, name, entry in entries:
            check_status(reader, file, key, Node(kind, name), entry, graph, retired)
        _check_identifiers(reader, sources, identity)
        _check_cycle(reader, graph, entries)
    reader.finish()
    if settings is None or identity is None or archive is None:
        raise RuntimeError(f"{conf_dir}: a file was not read, and no fault was noted")
    tags = [tag for each in tag_files.values() for _, tag in each.each()]
    return Bank(
        settings=settings,
        sources=tuple(sources.values()),
        identity=identity,
        archive=archive,
        indicators=tuple(figure for _, _, figure in figures),
        tags=tuple(tag for tag in tags if in_use(tag)),
        lifecycle=lifecycle,
        models=tuple(models.values()),
        audiences=tuple(audiences.values()),
        lookalikes=tuple(lookalikes.values()),
        retired=tuple(tag for tag in tags if not in_use(tag)),
        lists=lists,
        graph={node: graph[node] for node in graph if node not in retired},
    )


def _notes(entries: Iterable[tuple[str, Named]]) -> tuple[NoteConfig, ...]:
    return tuple(NoteConfig(name=name, description=e.description) for name, e in entries)


def _check_twice(reader: ConfigReader, named: list[tuple[str, str, str]], kind: str) -> None:
    seen: dict[str, str] = {}
    for file, key, name in named:
        if name in seen:
            reader.fault(file, key, f"{kind} {name!r} is in {seen[name]} too", "rename one of them")
        seen[name] = file


def _check_identifiers(
    reader: ConfigReader, sources: Mapping[str, SourceConfig], identity: IdentityConfig
) -> None:
    for file, source in sources.items():
        for kind in source.identifiers:
            if kind not in (*identity.identifiers, *identity.entity_types):
                remedy = "add it to `identifiers` of identity.yml, or to `by` of an entity"
                reader.fault(file, f"identifiers.{kind}", "type without a strength", remedy)


def _check_cycle(reader: ConfigReader, graph: Graph, entries: Iterable[Entry]) -> None:
    circle = find_cycle(graph)
    if circle:
        places = {Node(e.kind, e.name): (e.file, e.key) for e in entries}
        file, key = places[circle[0]]
        path = " -> ".join(str(node) for node in circle)
        reader.fault(file, key, f"refers to itself: {path}", "remove one of these references")
