"""Back to an earlier state: the tables of a job as the last run for a day had left them."""

import time
from dataclasses import replace
from datetime import date

from databank.clock import now
from databank.config import Settings
from databank.errors import DataBankError
from databank.runs.context import Summary
from databank.runs.history import ROLLED_BACK, RunRecord
from databank.runs.job import Job
from databank.runs.lease import Lease
from databank.runs.progress import Progress
from databank.runs.records import Ledger, StoreLedger
from databank.runs.runner import Outcome, new_run_id
from databank.tables import Store
from databank.tables.files import BEGUN
from databank.tables.published import Published, published_by, refuse_unreadable


def roll_back(
    store: Store,
    settings: Settings,
    job: Job,
    *,
    to: date,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Publish again what the last run of a job for a day up to `to` had left, in one commit.

    Later runs of the job are then as if they had never been: its next run may be for that day, and
    builds on that state. A table that the job had not written by then is empty.

    Raises:
        LeaseHeldError: If a run of the job is alive; nothing was touched.
        DataBankError: If the job was not run by that day, has published nothing since, cannot go
            back, or what it published then cannot be read any more.
    """
    progress = progress or Progress()
    progress.start(f"rollback of {job.name}")
    ledger = ledger or StoreLedger(store)
    run_id = new_run_id(job, to)
    with progress, Lease(store, job.name, run_id=run_id, seconds=settings.lease_seconds):
        store.refresh()
        started, clock = now(), time.monotonic()
        target = published_by(store, job.name, to)
        # killed between publishing and its record, a rollback is done again
        if target.last and ledger.history().latest_day(job.name) == target.day:
            raise DataBankError(f"--to: {job.name} is at its state of {target.day} already")
        summary = _publish_again(store, job, run_id, target)
        record = replace(
            ledger.record_of(target.run_id) or _unknown(job, target.day),
            run_id=run_id,
            outcome=ROLLED_BACK,
            message=f"back to run {target.run_id}",
            written=dict(store.versions_written),
            rows=dict(store.rows_written),
            started=started,
            seconds=time.monotonic() - clock,
        )
        ledger.append(record, [])
        store.files.delete(f"{BEGUN}/{run_id}")
    lines: Summary = {
        "back to the state of": str(target.day),
        "left by run": target.run_id,
        **summary,
    }
    outcome = Outcome(job.name, (), ROLLED_BACK, record.seconds, lines)
    progress.done(outcome.outcome, outcome.summary)
    return outcome


def _publish_again(store: Store, job: Job, run_id: str, target: Published) -> Summary:
    if job.rollback is None:
        raise DataBankError(f"{job.name}: cannot go back to an earlier state")
    refuse_unreadable(store, target.versions, target.day)
    store.start_run(run_id, job.tables)
    for spec in job.tables:
        if store.is_published(spec) and spec.name not in target.versions:
            store.replace(spec, store.small(spec, []))
    summary = job.rollback(store, target.versions)
    store.republish(target.versions)
    store.publish(job.name, target.day)
    return summary


def _unknown(job: Job, day: date) -> RunRecord:
    """Make up the record of a run that was killed before it wrote one; no run is like it."""
    return RunRecord(
        run_id="", job=job.name, nodes=(), day=day, outcome="", message=None, config_hash="",
        logic_version=0, read={}, written={}, rows={}, started=now(), seconds=0,
    )  # fmt: skip
