"""Whether jobs have any work, told without a session, which takes longer to start than to ask."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from databank.runs.history import history_of
from databank.runs.job import Job
from databank.tables.outside import is_elsewhere
from databank.tables.state import state_outside


class Part(NamedTuple):
    """A part of a job as it would be run; see `Runner.run`."""

    job: Job
    config: Any
    config_hash: str
    nodes: tuple[str, ...] = ()


def is_idle(root: str, parts: Iterable[Part], *, day: date) -> bool:
    """Tell whether the runner would find all parts unchanged.

    It reads ledgers and lists sources. False where a part has work, and where only a run can tell:
    a bank that is elsewhere, damaged or in use.

    Args:
        root: The warehouse.
        parts: Each is asked for when those before it have no work.
        day: Run day.
    """
    if is_elsewhere(root):
        return False
    try:
        outside = state_outside(root)
        if outside is None:
            return False
        state, runs = outside
        history = history_of(runs)
        return all(
            not part.job.is_older(day, history)
            and part.job.is_unchanged(
                part.config,
                day=day,
                config_hash=part.config_hash,
                nodes=part.nodes,
                history=history,
                state=state,
            )
            for part in parts
        )
    except Exception:  # whatever it is: the run meets it again, says it, and records it
        return False
