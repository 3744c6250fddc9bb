"""The jobs of the bank, and the part of the configuration that each is given."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from databank.errors import DataBankError, did_you_mean
from databank.identity.entities.config import PERSON
from databank.project.graph import LIFECYCLE, Node, needed_for

if TYPE_CHECKING:
    from databank.project.load import Bank
    from databank.runs import Job


@dataclass(frozen=True)
class JobEntry:
    """Where a job lies, and the kind of nodes it builds (None: it builds no named ones)."""

    place: str
    config: str
    kind: str | None = None


# in the order in which they run; a job's module is imported only when it is run
JOBS = {
    "ingest": JobEntry("databank.sources.build", "sources_config"),
    "link_profiles": JobEntry("databank.identity.linkage.build", "linkage_config"),
    "resolve_identity": JobEntry("databank.identity.build", "identity_config"),
    "resolve_entities": JobEntry("databank.identity.entities.build", "entities_config"),
    "build_archive": JobEntry("databank.archive.build", "archive_config"),
    "build_indicators": JobEntry("databank.indicators.build", "indicators_config"),
    "build_tags": JobEntry("databank.tags.build", "tags_config", "tag"),
    "build_lifecycle": JobEntry("databank.lifecycle.build", "lifecycle_config", LIFECYCLE),
    "train_model": JobEntry("databank.models.train", "models_config", "model"),
    "score_model": JobEntry("databank.models.score", "models_config", "model"),
    "build_audiences": JobEntry("databank.audiences.build", "audiences_config", "audience"),
    "expand_lookalike": JobEntry("databank.lookalike.build", "lookalikes_config", "lookalike"),
    "publish_report": JobEntry("databank.reports.build", "report_config"),
}


@dataclass(frozen=True)
class Step:
    """One entry of a plan: a job, and the nodes it is to build; none = no named ones."""

    job: str
    nodes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.job}: {', '.join(self.nodes)}" if self.nodes else self.job


def entry_of(job: str) -> JobEntry:
    """The entry of a job.

    Raises:
        DataBankError: If there is no such job.
    """
    if job not in JOBS:
        raise DataBankError(f"unknown job {job!r}; {did_you_mean(job, [*JOBS, 'all'])}")
    return JOBS[job]


def load_job(job: str) -> "Job":
    """Import the module of a job."""
    found: Job = import_module(entry_of(job).place).JOB
    return found


def job_config(job: str, bank: "Bank") -> Any:
    """The part of the configuration that a job is given."""
    return getattr(bank, entry_of(job).config)()


def plan_job(job: str, bank: "Bank", only: str | None) -> list[Step]:
    """The plan of one job alone, or of one node of it.

    Raises:
        DataBankError: If the job does not build the named node.
    """
    kind = entry_of(job).kind
    mine = [node for node in bank.graph if node.kind == kind]
    names = sorted(node.name for node in mine)
    if only is not None and only not in names:
        hint = did_you_mean(only, names) if names else f"{job} builds all at once: leave out --only"
        raise DataBankError(f"--only: {job} has no {only!r}; {hint}")
    if kind is None or kind == LIFECYCLE:
        return [Step(job)]
    wanted = [only] if only else [node.name for node in mine if not node.draft]
    parts = [part for part in bank.parts(mine) if part.kind == kind]
    chosen = [tuple(name for name in part.names if name in wanted) for part in parts]
    return [Step(job, names) for names in chosen if names]


def plan_all(bank: "Bank", only: str | None) -> list[Step]:
    """The plan of the whole loop, or of what one node stands on.

    Raises:
        DataBankError: If nothing has the name.
    """
    wanted = None
    if only is not None:
        wanted = [node for node in bank.graph if node.name == only]
        if not wanted:
            names = [node.name for node in bank.graph]
            raise DataBankError(f"--only: nothing is named {only!r}; {did_you_mean(only, names)}")
    steps = [Step("ingest"), Step("resolve_identity"), Step("build_archive")]
    if bank.identity.linkage:
        steps.insert(1, Step("link_profiles"))
    needed = bank.graph if wanted is None else needed_for(bank.graph, wanted)
    if bank.identity.entities and (only is None or any(n.entity != PERSON for n in needed)):
        steps.insert(-1, Step("resolve_entities"))
    if bank.indicators and only is None:
        steps.append(Step("build_indicators"))
    for part in bank.parts(wanted):
        if part.kind == "model":
            steps += [Step("train_model", part.names), Step("score_model", part.names)]
        elif part.kind == LIFECYCLE:
            steps.append(Step("build_lifecycle"))
        else:
            job = next(name for name, entry in JOBS.items() if entry.kind == part.kind)
            steps.append(Step(job, part.names))
    return steps if only else [*steps, Step("publish_report")]


def nodes_of(step: Step) -> set[Node]:
    """The nodes that a step builds; scoring and not training makes a model's scores."""
    kind = JOBS[step.job].kind
    if kind is None or step.job == "train_model":
        return set()
    if kind == LIFECYCLE:
        return {Node(LIFECYCLE, LIFECYCLE)}
    return {Node(kind, name) for name in step.nodes}
