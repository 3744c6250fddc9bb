"""A job that adds a row a day, and a bank of any store on which it runs and is rolled back."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from databank.config import Settings
from databank.runs import Context, Job, Outcome, Progress, Runner, StepResult
from databank.runs.holder import this_process
from databank.runs.records import Ledger, StoreLedger
from databank.runs.rollback import roll_back
from databank.tables import Column, Store, TableSpec

FIRST, SECOND, THIRD = (date(2026, 1, day) for day in (29, 30, 31))


def table(name: str) -> TableSpec:
    column = Column("id", "bigint", "id")
    return TableSpec(name, "one row per id", (column,), "make", key=("id",), change_feed=True)


MADE, LATER = table("core.made"), table("core.later")


def make(context: Context, number: int) -> StepResult:
    """A row more in one table; in another one from number 2 on."""
    context.store.append(MADE, context.store.small(MADE, [(number,)]))
    if number > 1:
        context.store.replace(LATER, context.store.small(LATER, [(number,)]))
    return StepResult()


JOB = Job(name="make", step=make, tables=(MADE, LATER), rollback=lambda *_: {"rows": 1})


AHEAD = "2100-01-01T00:00:00+00:00"


def a_living_holder() -> dict[str, object]:
    """What a lease says that another run of this process holds."""
    return this_process() | {"run_id": "other", "heartbeat": AHEAD}


class Made:
    """A bank in which one job has run."""

    def __init__(self, store: Store, ledger: Ledger | None = None) -> None:
        self.store, self.ledger = store, ledger or StoreLedger(store)
        self.root = Path(store.root.removeprefix("file:"))
        self.run(FIRST, 1)

    def run(self, day: date, number: int, *, preview: bool = False) -> Outcome:
        quiet = Progress(quiet=True)
        runner = Runner(self.store, Settings(), ledger=self.ledger, progress=quiet)
        return runner.run(JOB, number, day=day, config_hash=str(number), preview=preview)

    def back(self, to: date) -> Outcome:
        quiet = Progress(quiet=True)
        return roll_back(self.store, Settings(), JOB, to=to, ledger=self.ledger, progress=quiet)

    def reader(self) -> Store:
        """The store as a run after this one sees it."""
        self.store.refresh()
        self.store.start_run("reader", ())
        return self.store

    def rows(self) -> tuple[list[int], list[int]]:
        made, later = (_ids(self.reader().read(spec)) for spec in (MADE, LATER))
        return made, later

    def hold(self) -> None:
        """Another run of the job is alive."""
        text = json.dumps(a_living_holder())
        (self.root / "_lease").mkdir(exist_ok=True)
        (self.root / "_lease" / "make").write_text(text)


def _ids(rows: Any) -> list[int]:
    return sorted(row[0] for row in (rows if isinstance(rows, list) else rows.collect()))
