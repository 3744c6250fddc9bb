"""Execute a plan: one session, one step after the other, exit code at the end."""

from collections.abc import Iterable
from datetime import date

from databank.dag import Dag
from databank.errors import DataBankError
from databank.project.graph import Node
from databank.project.jobs import config_hash, job_config, load_job
from databank.project.model import Project
from databank.project.plan import Step, job_graph, nodes_of
from databank.runs import Outcome, Progress, Runner
from databank.session import get_spark
from databank.tables import DeltaStore

_TAGS = "build_tags"
_TRAIN, _SCORE = "train_model", "score_model"


def execute(
    project: Project, steps: Iterable[Step], *, root: str, day: date, only: str | None = None
) -> list[Outcome]:
    """Run the steps of a plan on one warehouse; `only` is the node that was asked for by name.

    An error of the operator ends the run. A refusal (exit code 3) stops only what stands on it.

    Raises:
        DataBankError: The first error that ended the run.
    """
    progress = Progress()
    progress.start("session")
    spark = get_spark("databank", **project.settings.spark)
    runner = Runner(DeltaStore(spark, root), project.settings, progress=progress)
    progress.done("ready", {})
    graph = job_graph(project, used_too=False)
    outcomes: list[Outcome] = []
    missing: set[Node] = set()
    waiting = list(steps)
    refused_models: set[str] = set()
    rebuilt: set[str] = set()
    seldom = any(tag.refresh for tag in project.tags if tag.name == only)
    while waiting:
        step = _without(waiting.pop(0), missing, graph)
        if step is None:
            continue
        nodes = step.nodes
        if step.job == _SCORE and len(nodes) > 1 and refused_models & set(nodes):
            # a refused model may have no champion: that must not stop the others
            waiting = [Step(step.job, (name,)) for name in nodes] + waiting
            continue
        progress.place(len(outcomes) + 1, len(outcomes) + 1 + len(waiting))
        outcome = runner.run(
            load_job(step.job),
            job_config(step.job, project),
            day=day,
            config_hash=config_hash(step.job, project, nodes),
            nodes=nodes,
            only=only,
            # parts of one job read what the other parts wrote; a tag that the last run kept is
            # built where it is asked for, although nothing has changed
            forced=step.job in rebuilt or (step.job == _TAGS and only in nodes and seldom),
        )
        outcomes.append(outcome)
        if outcome.outcome == "done":
            rebuilt.add(step.job)
        if outcome.error is None:
            continue
        without_champion = step.job == _SCORE and set(nodes) <= refused_models
        if not (outcome.outcome == "refused" or without_champion):
            raise outcome.error
        if step.job == _TRAIN:
            # the champion, if there is one, goes on scoring
            refused_models |= set(nodes)
        else:
            missing |= nodes_of(step)
    return outcomes


def _without(step: Step, missing: set[Node], graph: Dag[Node]) -> Step | None:
    """Leave out the nodes of a step that need something missing; None if no node is left."""
    kept = {node for node in nodes_of(step) if not missing & set(graph.upstream([node]))}
    if not kept:
        return None
    return Step(step.job, tuple(name for name in step.nodes if name in {n.name for n in kept}))


def exit_error(outcomes: Iterable[Outcome]) -> DataBankError | None:
    """Give the refusal to leave with, if there was one."""
    return next((o.error for o in outcomes if o.error and o.outcome == "refused"), None)
