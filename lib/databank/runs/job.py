"""A job: its step, the tables that it owns, and what shows that it has work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from databank.runs.history import History
from databank.tables.files import BEGUN, SCRATCH
from databank.tables.spec import TableSpec
from databank.tables.state import BankState

if TYPE_CHECKING:
    from databank.runs.context import Context, StepResult, Summary
    from databank.tables import Store

Rollback = Callable[["Store", Mapping[str, int]], "Summary"]


@dataclass(frozen=True)
class Job:
    """A step with its name and the tables that it alone writes.

    Attributes:
        step: Reads and writes; called with the context and the job's configuration.
        tables: Tables the job owns; they are restored before it starts.
        logic_version: Raised with each change of code that changes results, wherever the code
            lies; the next run of the job then does all of it again. A test compares results.
        latest_only: Whether a table holds only the latest state, so that an older day than the
            last published one would destroy it.
        outside: Tells whether there is work that neither tables nor configuration show, such as new
            files; asked only where all else is as it was, with the job's configuration.
        files: Files under the root that the job writes for a day; where one has gone, there is
            something to do.
        rollback: Called where the job goes back to an earlier state, with its versions, before
            they are published. Writes what must not go back, and gives lines of the short table.
            None = the job cannot go back.
    """

    name: str
    step: "Callable[[Context, Any], StepResult]"
    tables: tuple[TableSpec, ...]
    logic_version: int = 1
    latest_only: bool = True
    outside: Callable[[Any, BankState], bool] = lambda *_: False
    files: Callable[[date], tuple[str, ...]] = lambda _: ()
    rollback: Rollback | None = None

    def is_unchanged(
        self,
        config: Any,
        *,
        day: date,
        config_hash: str,
        nodes: tuple[str, ...],
        history: History,
        state: BankState,
    ) -> bool:
        """Tell whether a run would read what the last one read, and do with it what that did.

        What a killed run has left is work, too: it may be personal data in clear.

        Args:
            config: The job's part of the configuration.
            day: Run day.
            config_hash: Hash of what changes data in that configuration.
            nodes: What the part builds; none = all.
            history: What was done last.
            state: Of the bank now.
        """
        last, names = history.last(self.name, nodes), state.files.names
        return (
            last is not None
            and last.day == day
            and (last.config_hash, last.logic_version) == (config_hash, self.logic_version)
            and not history.superseded_by_other_part(self.name, nodes, last)
            and all(state.published.get(t, -1) == v for t, v in last.read.items())
            and all(state.files.exists(f) for f in self.files(day))
            and not any(self.has_run(left) for place in (SCRATCH, BEGUN) for left in names(place))
            and not self.outside(config, state)
        )

    def has_run(self, run_id: str) -> bool:
        """Tell whether an id is that of a run of the job."""
        return run_id.partition("-")[2].rpartition("-")[0] == self.name

    def is_older(self, day: date, history: History) -> bool:
        """Tell whether the job cannot be run for a day, for it was for a later one."""
        latest = history.latest_day(self.name)
        return self.latest_only and latest is not None and day < latest
