"""Read a configuration folder into a Project; all faults of all files come in one pass."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from databank.archive.config import ArchiveConfig
from databank.audiences.config import AudienceConfig
from databank.config import ConfigReader, Settings
from databank.dag import Dag
from databank.identity.config import IdentityConfig
from databank.indicators.config import IndicatorsFile
from databank.indicators.kinds import FunnelIndicator, IndicatorBase
from databank.lifecycle.config import LifecycleConfig
from databank.lookalike.config import LookalikeConfig
from databank.models.config import spec_type
from databank.models.spec import ModelSpec
from databank.project.catalog import all_tables
from databank.project.graph import LIFECYCLE, Node
from databank.project.model import Project
from databank.project.references import (
    check_entity,
    check_half_read,
    check_references,
    check_status,
    check_steps,
    check_windows,
    entity_of,
    in_use,
    references_of,
    status_of,
)
from databank.project.value_checks import (
    KnownValues,
    check_sources,
    check_values,
    known_values,
)
from databank.sources.formats.base import SourceFormat
from databank.sources.formats.registry import source_type
from databank.tags.base import Surroundings
from databank.tags.library import TagsFile, check_tags, complete_tags


class Declaration(NamedTuple):
    """A named thing of the configuration, and where in which file it stands."""

    file: str
    key: str
    kind: str
    name: str
    config: Any

    @property
    def node(self) -> Node:
        """The node of the graph that it declares."""
        draft = status_of(self.config) == "draft"
        return Node(self.kind, self.name, entity_of(self.config), draft)


class ConfigFiles(NamedTuple):
    """The models of all files, by file; None where one could not be read."""

    settings: Settings | None
    identity: IdentityConfig | None
    archive: ArchiveConfig | None
    lifecycle: LifecycleConfig | None
    sources: Mapping[str, SourceFormat]
    indicators: Mapping[str, IndicatorsFile]
    tags: Mapping[str, TagsFile]
    models: Mapping[str, ModelSpec]
    audiences: Mapping[str, AudienceConfig]
    lookalikes: Mapping[str, LookalikeConfig]


def load_project(conf_dir: str | Path) -> Project:
    """Read a configuration folder and check all of it.

    Raises:
        ConfigFaultsError: With every fault of every file.
    """
    reader = ConfigReader(conf_dir)
    files = _read(reader)
    declared = _declarations(files)
    indicators = _indicators(files)
    tags = [each.config for each in declared if each.kind == "tag"]
    tag_names = {tag.name for tag in tags}
    # with references that lead nowhere, which a Dag leaves out
    references = {each.node: frozenset(references_of(each.config, tag_names)) for each in declared}
    graph = Dag(references)
    retired = {each.node for each in declared if not in_use(each.config)}
    _check_names(reader, files, declared, indicators)
    # a file that cannot be read would make its names unknown
    if not reader.faults and files.archive is not None and files.identity is not None:
        known = known_values(tags, files.lifecycle, files.sources.values())
        _check_nodes(reader, declared, references, retired, files.archive, files.identity)
        _check_indicators(reader, indicators, files.archive)
        _check_values(reader, files, declared, indicators, known, files.archive)
        around = _surroundings(files.identity, files.sources.values(), files.models.values())
        check_tags(reader, files.tags, around)
        _check_identifiers(reader, files.sources, files.identity)
        _check_cycle(reader, graph, declared)
    else:
        check_half_read(reader, tag_names)
    reader.finish()
    if files.settings is None or files.identity is None or files.archive is None:
        raise RuntimeError(f"{conf_dir}: a file was not read, and no fault was noted")
    return Project(
        settings=files.settings,
        sources=tuple(files.sources.values()),
        identity=files.identity,
        archive=files.archive,
        indicators=tuple(indicator for _, _, indicator in indicators),
        tags=tuple(tag for tag in tags if in_use(tag)),
        lifecycle=files.lifecycle,
        models=tuple(files.models.values()),
        audiences=tuple(files.audiences.values()),
        lookalikes=tuple(files.lookalikes.values()),
        retired=tuple(tag for tag in tags if not in_use(tag)),
        graph=Dag({node: graph[node] for node in graph if node not in retired}),
    )


def _read(reader: ConfigReader) -> ConfigFiles:
    identity = reader.read_file("identity.yml", IdentityConfig)
    lifecycle = None
    if (reader.folder / "lifecycle.yml").exists():
        lifecycle = reader.read_file("lifecycle.yml", LifecycleConfig)
    sources = reader.read_folder("sources", source_type)
    if not (reader.folder / "sources").is_dir():
        reader.fault("sources", "", "there is no such folder", "describe a source in sources/*.yml")
    models = reader.read_folder("models", spec_type)
    around = _surroundings(identity, sources.values(), models.values())
    return ConfigFiles(
        settings=reader.read_file("databank.yml", Settings, optional=True),
        identity=identity,
        archive=reader.read_file("archive.yml", ArchiveConfig, optional=True),
        lifecycle=lifecycle,
        sources=sources,
        indicators=reader.read_folder("indicators", IndicatorsFile),
        tags=complete_tags(reader, reader.read_folder("tags", TagsFile), around),
        models=models,
        audiences=reader.read_folder("audiences", AudienceConfig),
        lookalikes=reader.read_folder("lookalikes", LookalikeConfig),
    )


def _surroundings(
    identity: IdentityConfig | None,
    sources: Iterable[SourceFormat],
    models: Iterable[ModelSpec],
) -> Surroundings:
    """Gather what tags are checked against and completed from."""
    outcomes = {each.model: each.outcomes for each in models if each.outcomes}
    return Surroundings(identity, tuple(sources), outcomes, tuple(all_tables()))


def _declarations(files: ConfigFiles) -> list[Declaration]:
    declared = [
        *(Declaration(file, f"tags[{i}]", "tag", tag.name, tag)
          for file, each in files.tags.items() for i, tag in each.each()),
        *(Declaration(file, "model", "model", m.model, m) for file, m in files.models.items()),
        *(Declaration(file, "audience", "audience", a.audience, a)
          for file, a in files.audiences.items()),
        *(Declaration(file, "lookalike", "lookalike", x.lookalike, x)
          for file, x in files.lookalikes.items()),
    ]  # fmt: skip
    if files.lifecycle is not None:
        declared.append(Declaration("lifecycle.yml", "", LIFECYCLE, LIFECYCLE, files.lifecycle))
    return declared


def _indicators(files: ConfigFiles) -> list[tuple[str, str, IndicatorBase]]:
    """List file, key and configuration of every indicator."""
    return [
        (file, f"indicators[{i}]", indicator)
        for file, each in files.indicators.items()
        for i, indicator in enumerate(each.indicators)
    ]


def _check_names(
    reader: ConfigReader,
    files: ConfigFiles,
    declared: Iterable[Declaration],
    indicators: Iterable[tuple[str, str, IndicatorBase]],
) -> None:
    """Note names that two things of one kind share."""
    names = [("source", file, "source", each.source) for file, each in files.sources.items()]
    names += [("indicator", file, key, each.name) for file, key, each in indicators]
    names += [(each.kind, each.file, each.key, each.name) for each in declared]
    first_file: dict[tuple[str, str], str] = {}
    for kind, file, key, name in names:
        if (kind, name) in first_file:
            wrong = f"{kind} {name!r} is in {first_file[kind, name]} too"
            reader.fault(file, key, wrong, "rename one of them")
        first_file[kind, name] = file


def _check_nodes(
    reader: ConfigReader,
    declared: Iterable[Declaration],
    graph: Mapping[Node, frozenset[Node]],
    retired: set[Node],
    archive: ArchiveConfig,
    identity: IdentityConfig,
) -> None:
    owners = {node: node.entity for node in graph}
    for each in declared:
        file, key, kind, _, config = each
        check_references(reader, file, key, graph[each.node], graph)
        check_entity(reader, file, key, config, graph[each.node], owners, identity)
        check_windows(reader, file, key, kind, config, archive)
        check_status(reader, file, key, each.node, config, graph, retired)


def _check_indicators(
    reader: ConfigReader,
    indicators: Iterable[tuple[str, str, IndicatorBase]],
    archive: ArchiveConfig,
) -> None:
    for file, key, indicator in indicators:
        check_windows(reader, file, key, "indicator", indicator, archive)
        if isinstance(indicator, FunnelIndicator):
            check_steps(reader, file, key, indicator, archive)


def _check_values(
    reader: ConfigReader,
    files: ConfigFiles,
    declared: Iterable[Declaration],
    indicators: Iterable[tuple[str, str, IndicatorBase]],
    known: KnownValues,
    archive: ArchiveConfig,
) -> None:
    for file, key, _, _, config in declared:
        check_values(reader, file, key, config, known, archive)
        check_sources(reader, file, key, config, files.sources.values())
    for file, key, indicator in indicators:
        check_values(reader, file, key, indicator, known, archive)


def _check_identifiers(
    reader: ConfigReader, sources: Mapping[str, SourceFormat], identity: IdentityConfig
) -> None:
    for file, source in sources.items():
        for kind in source.identifiers:
            if kind not in (*identity.identifiers, *identity.entity_types):
                remedy = "add it to `identifiers` of identity.yml, or to `by` of an entity"
                reader.fault(file, f"identifiers.{kind}", "type without a strength", remedy)


def _check_cycle(reader: ConfigReader, graph: Dag[Node], declared: Iterable[Declaration]) -> None:
    circle = graph.find_cycle()
    if circle:
        places = {each.node: (each.file, each.key) for each in declared}
        file, key = places[circle[0]]
        path = " -> ".join(str(node) for node in circle)
        reader.fault(file, key, f"refers to itself: {path}", "remove one of these references")
