"""The jobs of a bank: where each lies, what it reads, the part of the project that it is given."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from databank.audiences.config import AudiencesConfig
from databank.errors import DataBankError, did_you_mean
from databank.hashing import data_hash
from databank.identity.config import EntitiesConfig, LinkageConfig
from databank.indicators.config import IndicatorsConfig
from databank.lifecycle.config import LifecycleJobConfig
from databank.lookalike.config import LookalikesConfig
from databank.models.config import ModelsConfig
from databank.project.graph import LIFECYCLE
from databank.project.model import Project, narrowed
from databank.project.notes import report_config
from databank.sources.config import SourcesConfig
from databank.tags.library import TagsConfig

if TYPE_CHECKING:
    from databank.runs import Job


@dataclass(frozen=True)
class JobEntry:
    """One job.

    Attributes:
        purpose: What the job is for, in one sentence.
        module: Holds the job as JOB; imported only when the job is run.
        config: Gives the part of a project that configures the job.
        reads: Tables that it cannot do without; where the run of a job that writes one was
            refused, this job does not run.
        uses: Tables that it reads where they are; it comes after the jobs that write them.
        kind: The kind of named nodes that it builds; None = it builds all at once.
        asked_for: Whether `run all` runs it for a project; of a job with a kind its nodes tell.
    """

    purpose: str
    module: str
    config: Callable[[Project], Any]
    reads: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    kind: str | None = None
    asked_for: Callable[[Project], bool] = lambda project: True


def _sources(project: Project) -> SourcesConfig:
    return SourcesConfig(
        sources=project.sources,
        identifier_order=project.identity.identifiers,
        entity_types=project.identity.entity_types,
    )


def _entities(project: Project) -> EntitiesConfig:
    types = project.identity.entity_types
    block = tuple(blocked for blocked in project.identity.block if blocked.type in types)
    return EntitiesConfig(entities=project.identity.entities, block=block)


def _indicators(project: Project) -> IndicatorsConfig:
    if not project.indicators:
        raise DataBankError("indicators: there are none; describe some in indicators/*.yml")
    active = tuple(each for each in project.indicators if each.status == "active")
    return IndicatorsConfig(indicators=active, archive=project.archive)


def _lifecycle(project: Project) -> LifecycleJobConfig:
    if project.lifecycle is None:
        raise DataBankError("lifecycle.yml: there is no such file; write stages into it")
    return LifecycleJobConfig(
        lifecycle=project.lifecycle, archive=project.archive, tags=project.tag_types
    )


def _models(project: Project) -> ModelsConfig:
    return ModelsConfig(models=project.models, archive=project.archive)


def _audiences(project: Project) -> AudiencesConfig:
    return AudiencesConfig(
        audiences=project.audiences, archive=project.archive, tags=project.tag_types
    )


_CORE = ("core.events", "core.profiles", "identity.identifier")
_PERSONS = ("archive.person_day", "identity.person")

# where references leave a choice, jobs run in this order
JOBS: dict[str, JobEntry] = {
    "ingest": JobEntry(
        "Bring in the new records of all sources; bad ones go to quarantine with a reason.",
        "databank.sources.build",
        _sources,
        uses=("identity.erasure_request",),
    ),
    "link_profiles": JobEntry(
        "Find profiles that are likely one person's although they share no identifier.",
        "databank.identity.linkage.build",
        lambda project: LinkageConfig(
            linkage=project.identity.linkage, tuning=project.identity.tuning
        ),
        reads=_CORE,
        asked_for=lambda project: bool(project.identity.linkage),
    ),
    "resolve_identity": JobEntry(
        "Resolve identifiers to persons.",
        "databank.identity.build",
        lambda project: project.identity,
        reads=(*_CORE, "identity.likely_pair", "identity.erased_identifier", "identity.refused"),
    ),
    "resolve_entities": JobEntry(
        "Resolve persons to households, accounts and other entities.",
        "databank.identity.entities.build",
        _entities,
        reads=(*_CORE, "identity.person", "identity.rejected"),
        asked_for=lambda project: bool(project.identity.entities),
    ),
    "build_archive": JobEntry(
        "Keep a row per person, day, terminal and event, and the sessions.",
        "databank.archive.build",
        lambda project: project.archive,
        reads=(
            *("core.events", "identity.person", "identity.changes", "identity.rejected"),
            "identity.state",
        ),
    ),
    "build_indicators": JobEntry(
        "Compute figures of each day for the whole bank, for BI.",
        "databank.indicators.build",
        _indicators,
        reads=(*_PERSONS, "core.events", "identity.rejected"),
        asked_for=lambda project: bool(project.indicators),
    ),
    "build_tags": JobEntry(
        "Compute the tags of persons and entities.",
        "databank.tags.build",
        lambda project: TagsConfig(tags=project.tags, archive=project.archive),
        reads=(*_PERSONS, "core.events", "core.profiles", "identity.identifier"),
        kind="tag",
    ),
    "build_lifecycle": JobEntry(
        "Tell the life-cycle stage of each person, the flow between stages, and RFM.",
        "databank.lifecycle.build",
        _lifecycle,
        reads=_PERSONS,
        kind=LIFECYCLE,
    ),
    "train_model": JobEntry(
        "Train models and let a gate decide which version is champion.",
        "databank.models.train",
        _models,
        reads=(*_PERSONS, "core.profiles"),
        kind="model",
    ),
    "score_model": JobEntry(
        "Score persons with the champions.",
        "databank.models.score",
        _models,
        reads=(*_PERSONS, "core.profiles", "models.training"),
        kind="model",
    ),
    "build_audiences": JobEntry(
        "Select the members of audiences.",
        "databank.audiences.build",
        _audiences,
        reads=_PERSONS,
        kind="audience",
    ),
    "expand_lookalike": JobEntry(
        "Find persons who resemble the members of an audience.",
        "databank.lookalike.build",
        lambda project: LookalikesConfig(lookalikes=project.lookalikes, archive=project.archive),
        reads=_PERSONS,
        kind="lookalike",
    ),
    "publish_report": JobEntry(
        "Write the report that a marketer opens in a browser.",
        "databank.reports.build",
        report_config,
        reads=_PERSONS,
        uses=(
            *(*_CORE, "core.items", "raw.file", "ops.quarantine"),
            *("identity.changes", "identity.edges", "identity.rejected"),
            *("identity.entity", "identity.entity_rejected", "reports.indicator", "archive.visit"),
            *("lifecycle.stage", "lifecycle.flow", "lifecycle.rfm"),
            *("tags.person_tag", "tags.entity_tag", "audiences.member"),
            *("models.training", "models.lift", "models.score"),
            *("lookalike.member", "lookalike.gain"),
        ),
    ),
}


def entry_of(job: str) -> JobEntry:
    """Give the entry of a job.

    Raises:
        DataBankError: If there is no such job.
    """
    if job not in JOBS:
        raise DataBankError(f"unknown job {job!r}; {did_you_mean(job, [*JOBS, 'all'])}")
    return JOBS[job]


def load_job(job: str) -> "Job":
    """Import the module of a job."""
    imported: Job = import_module(entry_of(job).module).JOB
    return imported


def job_config(job: str, project: Project) -> Any:
    """Give the part of a project that configures a job.

    Raises:
        DataBankError: If there is no such job, or the project does not describe what it builds.
    """
    return entry_of(job).config(project)


def config_hash(job: str, project: Project, nodes: Collection[str] = ()) -> str:
    """Hash what changes data in the configuration of a job, or of the part that builds some nodes.

    Of a part count the nodes that it builds, with all that they refer to; of the others their
    names.
    """
    kind = entry_of(job).kind
    if kind is None or not nodes:
        return data_hash([job_config(job, project), project.settings.timezone])
    names = sorted(node.name for node in project.graph if node.kind == kind)
    built = [node for node in project.graph if node.kind == kind and node.name in nodes]
    used = narrowed(project, built)
    return data_hash([job_config(job, used), names, project.settings.timezone])
