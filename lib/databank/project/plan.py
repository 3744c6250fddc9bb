"""Plans: the jobs to run, in an order in which each finds what it reads."""

from dataclasses import dataclass

from databank.dag import Dag
from databank.errors import DataBankError, did_you_mean
from databank.identity.entities.subject import Subject
from databank.project.catalog import all_tables
from databank.project.graph import LIFECYCLE, Node
from databank.project.jobs import JOBS, entry_of
from databank.project.model import Project

_JOB = "job"
_ENTITY_TABLE = "identity.entity"


@dataclass(frozen=True)
class Step:
    """One entry of a plan: a job, and the nodes it is to build; none = no named ones."""

    job: str
    nodes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.job}: {', '.join(self.nodes)}" if self.nodes else self.job


def plan_job(job: str, project: Project, only: str | None) -> list[Step]:
    """Plan one job alone, or one node of it.

    Raises:
        DataBankError: If there is no such job, or it does not build the named node.
    """
    kind = entry_of(job).kind
    built = [node for node in project.graph if node.kind == kind]
    names = sorted(node.name for node in built)
    if only is not None and only not in names:
        hint = did_you_mean(only, names) if names else f"{job} builds all at once: leave out --only"
        raise DataBankError(f"--only: {job} has no {only!r}; {hint}")
    if kind is None or kind == LIFECYCLE:
        return [Step(job)]
    wanted = [node for node in built if node.name == only or (only is None and not node.draft)]
    chosen = {node.name for node in wanted}
    steps = []
    for nodes in node_batches(project, wanted):
        names = [node.name for node in nodes if node.kind == kind and node.name in chosen]
        if names:
            steps.append(Step(job, tuple(names)))
    return steps


def plan_all(project: Project, only: str | None) -> list[Step]:
    """Plan the whole loop, or what one node stands on.

    Raises:
        DataBankError: If nothing has the name.
    """
    graph = job_graph(project)
    if only is None:
        wanted = [node for node in graph if not node.draft]
    else:
        wanted = [node for node in project.graph if node.name == only]
        if not wanted:
            names = [node.name for node in project.graph]
            raise DataBankError(f"--only: nothing is named {only!r}; {did_you_mean(only, names)}")
    return [step for _, nodes in graph.upstream(wanted).batches(_place) for step in _steps(nodes)]


def node_batches(project: Project, wanted: list[Node]) -> list[list[Node]]:
    """Group named nodes, and those they refer to, into batches of one kind and entity."""
    return [nodes for _, nodes in project.graph.upstream(wanted).batches(_place)]


def job_graph(project: Project, *, used_too: bool = True) -> Dag[Node]:
    """Draw named nodes and jobs without named nodes as one graph, by the tables that jobs read.

    Args:
        project: Whose nodes; its configuration says which of the jobs there are.
        used_too: Whether tables that a job reads only where they are count.
    """
    jobs = [name for name, job in JOBS.items() if job.kind is None and job.asked_for(project)]
    graph = {Node(_JOB, name): _written_before(name, project, used_too) for name in jobs}
    for node in project.graph:
        tables = {table for name in _jobs_of(node.kind) for table in JOBS[name].reads}
        if not Subject(node.entity).is_person:
            tables.add(_ENTITY_TABLE)
        owners = {Node(_JOB, all_tables()[table].owner) for table in tables}
        graph[node] = frozenset(project.graph[node] | owners)
    return Dag(graph)


def nodes_of(step: Step) -> set[Node]:
    """Give the nodes that a step builds; scoring, and not training, makes a model's scores."""
    kind = JOBS[step.job].kind
    if kind is None:
        return {Node(_JOB, step.job)}
    if kind == LIFECYCLE:
        return {Node(LIFECYCLE, LIFECYCLE)}
    return {Node(kind, name) for name in step.nodes}


def _written_before(job: str, project: Project, used_too: bool) -> frozenset[Node]:
    """Give the nodes whose jobs write what a job reads."""
    entry = JOBS[job]
    before: set[Node] = set()
    for table in (*entry.reads, *(entry.uses if used_too else ())):
        owner = all_tables()[table].owner
        kind = JOBS[owner].kind if owner in JOBS else None
        if kind is None:
            before.add(Node(_JOB, owner))
        else:
            before |= {node for node in project.graph if node.kind == kind and not node.draft}
    return frozenset(before)


def _jobs_of(kind: str) -> list[str]:
    """Give the jobs that build nodes of a kind, each after those whose tables it reads."""
    jobs = [name for name, job in JOBS.items() if job.kind == kind]
    reads = {name: {all_tables()[table].owner for table in JOBS[name].reads} for name in jobs}
    return [name for level in Dag(reads).levels() for name in level]


def _place(node: Node) -> tuple[int, bool, str]:
    """Sort jobs as they are registered, persons before other entities."""
    jobs = [node.name] if node.kind == _JOB else _jobs_of(node.kind)
    return list(JOBS).index(jobs[0]), not Subject(node.entity).is_person, node.entity


def _steps(nodes: list[Node]) -> list[Step]:
    kind = nodes[0].kind
    if kind == _JOB:
        return [Step(node.name) for node in nodes]
    names = () if kind == LIFECYCLE else tuple(node.name for node in nodes)
    return [Step(job, names) for job in _jobs_of(kind)]
