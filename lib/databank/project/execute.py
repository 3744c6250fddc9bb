"""Execute a plan: one session, one step after the other, exit code at the end."""

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from databank.dag import Dag
from databank.errors import DataBankError, GateRefusedError, TooFewError
from databank.project.bank_values import bank_warnings
from databank.project.graph import Node
from databank.project.jobs import JOBS, config_hash, job_config, load_job
from databank.project.model import Project
from databank.project.plan import Step, job_graph, nodes_of
from databank.runs import Outcome, Progress, open_runner
from databank.runs.idle import Part, is_idle
from databank.runs.runner import title_of

_TAGS, _INDICATORS = "build_tags", "build_indicators"
_TRAIN, _SCORE = "train_model", "score_model"


class RunStep(Protocol):
    """Runs one step of a plan."""

    def __call__(self, step: Step, *, done: int, waiting: int, rebuilt: bool) -> Outcome:
        """Run the step.

        Args:
            step: What to run.
            done: How many steps were run before it.
            waiting: How many come after it.
            rebuilt: Whether an earlier step of the plan has built other nodes of the job.
        """
        ...


def execute(
    project: Project, steps: Iterable[Step], *, root: str, day: date, only: str | None = None
) -> list[Outcome]:
    """Run the steps of a plan on one warehouse; `only` is the node that was asked for by name.

    Raises:
        DataBankError: The first error that ended the run; see `run_steps`.
    """
    progress, steps = Progress(), list(steps)
    seldom = any(tag.refresh for tag in project.tags if tag.name == only)
    # made one by one: what the first job with work is settles it
    parts = (_part(project, step) for step in steps)
    idle = not seldom and is_idle(root, parts, day=day)
    runner = None if idle else open_runner(project.settings, root, progress)
    if any(JOBS[step.job].kind or step.job == _INDICATORS for step in steps):
        progress.warn(bank_warnings(project, root))
    if runner is None:
        return [_unchanged(step, place, len(steps), progress) for place, step in enumerate(steps)]

    def run(step: Step, *, done: int, waiting: int, rebuilt: bool) -> Outcome:
        progress.place(done + 1, done + 1 + waiting)
        part = _part(project, step)
        return runner.run(
            part.job,
            part.config,
            day=day,
            config_hash=part.config_hash,
            nodes=part.nodes,
            only=only,
            # parts of one job read what the other parts wrote; a tag that the last run kept is
            # built where it is asked for, although nothing has changed
            forced=rebuilt or (step.job == _TAGS and only in step.nodes and seldom),
        )

    return run_steps(steps, job_graph(project, used_too=False), run)


def _part(project: Project, step: Step) -> Part:
    return Part(
        load_job(step.job),
        job_config(step.job, project),
        config_hash(step.job, project, step.nodes),
        step.nodes,
    )


def _unchanged(step: Step, place: int, count: int, progress: Progress) -> Outcome:
    """Show a step that has no work as the runner does."""
    progress.place(place + 1, count)
    progress.start(title_of(step.job, step.nodes))
    progress.done("unchanged", {})
    return Outcome(step.job, step.nodes, "unchanged", 0, {})


def run_steps(steps: Iterable[Step], graph: Dag[Node], run: RunStep) -> list[Outcome]:
    """Run steps in their order, and leave out what stands on a step that came to nothing.

    A refusal (exit code 3), and a node that the bank has too little to learn from, stop only what
    stands on them; any other error of the operator ends the run.

    Args:
        steps: In an order in which each finds what it reads.
        graph: What each node stands on.
        run: Runs one of them.

    Raises:
        DataBankError: The first error that ended the run.
    """
    outcomes: list[Outcome] = []
    missing: set[Node] = set()
    waiting = list(steps)
    untrained: set[str] = set()
    rebuilt: set[str] = set()
    while waiting:
        step = _without(waiting.pop(0), missing, graph)
        if step is None:
            continue
        nodes = step.nodes
        if step.job == _SCORE and len(nodes) > 1 and untrained & set(nodes):
            # a model that was not trained may have no champion: that must not stop the others
            waiting = [*_apart(step), *waiting]
            continue
        done = len(outcomes)
        outcome = run(step, done=done, waiting=len(waiting), rebuilt=step.job in rebuilt)
        outcomes.append(outcome)
        if outcome.outcome == "done":
            rebuilt.add(step.job)
        if outcome.error is None:
            continue
        too_few = isinstance(outcome.error, TooFewError)
        without_champion = step.job == _SCORE and set(nodes) <= untrained
        if not (outcome.outcome == "refused" or too_few or without_champion):
            raise outcome.error
        if step.job == _TRAIN:
            # the champion, if there is one, goes on scoring
            untrained |= set(nodes)
        elif too_few and len(nodes) > 1:
            waiting = [*_apart(step), *waiting]
        else:
            missing |= nodes_of(step)
    return outcomes


def _apart(step: Step) -> list[Step]:
    """Make a step of each node."""
    return [Step(step.job, (name,)) for name in step.nodes]


def _without(step: Step, missing: set[Node], graph: Dag[Node]) -> Step | None:
    """Leave out the nodes of a step that need something missing; None if no node is left."""
    kept = {node for node in nodes_of(step) if not missing & set(graph.upstream([node]))}
    if not kept:
        return None
    return Step(step.job, tuple(name for name in step.nodes if name in {n.name for n in kept}))


def exit_error(outcomes: Iterable[Outcome]) -> DataBankError | None:
    """Give the error to leave with: all that stopped a part, and the highest of their exit codes.

    That a model has no champion follows from its training, which is named.
    """
    outcomes = list(outcomes)
    errors = [
        outcome.error
        for outcome in outcomes
        if outcome.error is not None and not (outcome.job == _SCORE and outcome.outcome == "failed")
    ]
    if not errors:
        return None
    text = "\n".join(dict.fromkeys(str(error) for error in errors))
    refused = any(outcome.outcome == "refused" for outcome in outcomes)
    return GateRefusedError(text) if refused else DataBankError(text)
