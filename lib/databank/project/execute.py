"""Execute a plan: one session, one part after the other, exit code at the end."""

from collections.abc import Iterable
from datetime import date

from databank.errors import DataBankError
from databank.project.graph import Node, needed_for
from databank.project.jobs import JOBS, Step, job_config, load_job, nodes_of
from databank.project.load import Bank
from databank.runs import Outcome, Progress, Runner
from databank.session import get_spark

# without these there is nothing for the rest to stand on
_BASE = ("ingest", "resolve_identity", "build_archive")
_TAGS = "build_tags"


def execute(
    bank: Bank, steps: Iterable[Step], *, root: str, day: date, only: str | None = None
) -> list[Outcome]:
    """Run the steps of a plan on one warehouse; `only` is the node that was asked for by name.

    An error of the operator ends the run. A refusal (exit code 3) stops only what stands on it.

    Raises:
        DataBankError: The first error that ended the run.
    """
    progress = Progress()
    progress.start("session")
    spark = get_spark("databank", **bank.settings.spark)
    runner = Runner(spark, root, bank.settings, progress=progress)
    progress.done("ready", {})
    outcomes: list[Outcome] = []
    missing: set[Node] = set()
    waiting = list(steps)
    refused_models: set[str] = set()
    rebuilt: set[str] = set()
    seldom = any(tag.refresh for tag in bank.tags if tag.name == only)
    while waiting:
        step = waiting.pop(0)
        nodes = tuple(name for name in step.nodes if not _lacks(bank, step, name, missing))
        if step.nodes and not nodes:
            continue
        if step.job == "score_model" and len(nodes) > 1 and refused_models & set(nodes):
            # a refused model may have no champion: that must not stop the others
            waiting = [Step(step.job, (name,)) for name in nodes] + waiting
            continue
        outcome = runner.run(
            load_job(step.job),
            job_config(step.job, bank),
            day=day,
            config_hash=bank.hash_of(step.job),
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
        without_champion = step.job == "score_model" and set(nodes) <= refused_models
        if step.job in _BASE or not (outcome.outcome == "refused" or without_champion):
            raise outcome.error
        if step.job == "train_model":
            # the champion, if there is one, goes on scoring
            refused_models |= set(nodes)
        missing |= nodes_of(Step(step.job, nodes))
    return outcomes


def _lacks(bank: Bank, step: Step, name: str, missing: set[Node]) -> bool:
    """Whether something that a node needs could not be built."""
    kind = JOBS[step.job].kind
    if kind is None or not missing:
        return False
    return bool(missing & needed_for(bank.graph, [Node(kind, name)]).keys())


def exit_error(outcomes: Iterable[Outcome]) -> DataBankError | None:
    """The refusal to leave with, if there was one."""
    return next((o.error for o in outcomes if o.error and o.outcome == "refused"), None)
