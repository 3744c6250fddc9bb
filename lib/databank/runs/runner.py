"""Run one part of a job: lease, restore, step, publish, record."""

import time
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException

from databank.clock import now
from databank.config import Settings
from databank.errors import DataBankError
from databank.runs.context import NOT_TAKEN, Context, Summary
from databank.runs.history import DONE, RunRecord
from databank.runs.job import Job
from databank.runs.lease import Lease
from databank.runs.progress import Progress
from databank.runs.records import Ledger, StoreLedger
from databank.runs.retention import expire_rows
from databank.session.spark_faults import analysis_reason, read_fault, without_values
from databank.tables import Store
from databank.tables.damage import damage_in
from databank.tables.erasure import ERASED_PERSON, remove_erased_persons
from databank.tables.files import BEGUN, SCRATCH
from databank.tables.state import state_of


@dataclass(frozen=True)
class Outcome:
    """How a part ended."""

    job: str
    nodes: tuple[str, ...]
    outcome: str
    seconds: float
    summary: Summary
    error: DataBankError | None = None


class Runner:
    """Runs parts on one warehouse, one after the other."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        ledger: Ledger | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.store, self._settings = store, settings
        self._ledger: Ledger = ledger or StoreLedger(store)
        self._progress = progress or Progress()
        self._seen, self._history = self._ledger.version(), self._ledger.history()

    def run(
        self,
        job: Job,
        config: Any,
        *,
        day: date,
        config_hash: str,
        nodes: tuple[str, ...] = (),
        only: str | None = None,
        forced: bool = False,
        preview: bool = False,
    ) -> Outcome:
        """Run one part of a job; an operator's error comes back in the outcome.

        Args:
            job: What to run.
            config: The job's part of the configuration.
            day: Run day.
            config_hash: Hash of what changes data in that configuration.
            nodes: Names to build; none = all.
            only: The one of them that was asked for by name.
            forced: Run even if nothing that it reads has changed: an earlier part of the same
                job has, and parts may read what others wrote.
            preview: Run it whatever has changed, and publish nothing: what it wrote is taken back
                by the next run, for which this one has never been.

        Raises:
            LeaseHeldError: If another run of the job is alive; nothing was touched.
        """
        title = title_of(job.name, nodes)
        self._progress.start(f"preview of {title}" if preview else title)
        run_id = new_run_id(job, day)
        seconds = self._settings.lease_seconds
        with self._progress, Lease(self.store, job.name, run_id=run_id, seconds=seconds):
            self.store.refresh()
            self._read_history()
            last = self._history.last(job.name, nodes)
            context = Context(
                spark=self.store.spark,
                store=self.store,
                settings=self._settings,
                day=day,
                run_id=run_id,
                nodes=nodes,
                last=last,
                config_hash=config_hash,
                progress=self._progress,
                logic_version=job.logic_version,
                only=only,
                superseded_by_other_part=last is not None
                and self._history.superseded_by_other_part(job.name, nodes, last),
            )
            outcome = self._run(job, config, context, forced=forced, preview=preview)
        self._progress.done(outcome.outcome, outcome.summary)
        return outcome

    def _run(
        self, job: Job, config: Any, context: Context, *, forced: bool, preview: bool
    ) -> Outcome:
        started, clock = now(), time.monotonic()
        summary: Summary = {}
        error: DataBankError | None = None
        message: str | None = None
        outcome = "error"
        try:
            # what an earlier run has read and written is not this one's, wherever it ends
            self.store.start_run(context.run_id, ())
            self._refuse_older_day(job, context)
            if not (forced or preview) and self._is_unchanged(job, config, context):
                outcome = "unchanged"
            else:
                self.store.start_run(context.run_id, job.tables)
                self._remove_leftovers(job, context.run_id)
                # a list: another thread asks, and a dictionary that grows cannot be gone through
                self._progress.count(lambda: sum(list(self.store.rows_written.values())))
                summary = job.step(context, config).summary
                seen = context.last.read.get(ERASED_PERSON.name) if context.last else None
                remove_erased_persons(self.store, job.tables, seen)
                expire_rows(self.store, job.tables, context.day)
                if not preview:
                    self.store.publish(job.name, context.day)
                outcome = "previewed" if preview else DONE
        except DataBankError as caught:
            error, message = caught, str(caught)
            outcome = "refused" if caught.exit_code == 3 else "failed"
        except (PySparkException, Py4JJavaError) as caught:
            # its own text holds values of the data
            error = _operators_error(job.name, context, caught)
            outcome = "error" if error is None else "failed"
            message = str(error or read_fault(caught))
            if error is None:
                raise without_values(caught) from None
        finally:
            taken = time.monotonic() - clock
            if outcome != "unchanged":
                self.store.files.delete(f"{SCRATCH}/{context.run_id}")
                published = self.store.versions_published
                record = RunRecord(
                    run_id=context.run_id,
                    job=job.name,
                    nodes=context.nodes,
                    day=context.day,
                    outcome=outcome,
                    message=message,
                    config_hash=context.config_hash,
                    logic_version=job.logic_version,
                    read=dict(self.store.versions_read),
                    # a run that was refused may have published a part of what it wrote
                    written=dict(published),
                    rows={t: n for t, n in self.store.rows_written.items() if t in published},
                    started=started,
                    seconds=taken,
                )
                self._ledger.append(record, context.metrics)
                self.store.files.delete(f"{BEGUN}/{context.run_id}")
                if record.outcome == DONE:
                    self._history = self._history.with_run(record)
                if self._ledger.version() == self._seen + 1:  # no other process has run a job
                    self._seen += 1
        return Outcome(job.name, context.nodes, outcome, taken, summary, error)

    def _remove_leftovers(self, job: Job, run_id: str) -> None:
        """Remove what killed runs of the job left beside its tables, which are restored by now.

        What lies in scratch may be personal data in clear.
        """
        for folder in (SCRATCH, BEGUN):
            for left in self.store.files.names(folder):
                if left != run_id and job.has_run(left):
                    self.store.files.delete(f"{folder}/{left}")

    def _read_history(self) -> None:
        """Read what other processes have run since the last look; their days count, too."""
        version = self._ledger.version()
        if version != self._seen:
            self._seen, self._history = version, self._ledger.history()

    def _is_unchanged(self, job: Job, config: Any, context: Context) -> bool:
        return job.is_unchanged(
            config,
            day=context.day,
            config_hash=context.config_hash,
            nodes=context.nodes,
            history=self._history,
            state=state_of(self.store),
        )

    def _refuse_older_day(self, job: Job, context: Context) -> None:
        if job.is_older(context.day, self._history):
            latest = self._history.latest_day(job.name)
            raise DataBankError(
                f"--date: {job.name} was published for {latest}; its tables hold only the latest "
                f"state, so {context.day} cannot be run again: give {latest} or a later day"
            )


def title_of(job: str, nodes: tuple[str, ...]) -> str:
    """Name a part for people."""
    return f"{job} [{len(nodes)}]" if nodes else job


def new_run_id(job: Job, day: date) -> str:
    """Make an id that no other run has."""
    return f"{day:%Y%m%d}-{job.name}-{uuid4().hex[:8]}"


def _operators_error(
    job: str, context: Context, error: PySparkException | Py4JJavaError
) -> DataBankError | None:
    """Say what the operator can fix: a damaged file, an expression, or rows that are refused.

    None = it is a bug.
    """
    if (damage := damage_in(error)) is not None:
        return damage
    if isinstance(error, AnalysisException):
        return DataBankError(f"{job}: Spark refuses an expression: {analysis_reason(error)}")
    fault = read_fault(error)
    if fault.raised:
        return DataBankError(f"{job}: {fault.raised}")
    if fault.of_data:
        place = context.place_of(fault.expression) or job
        return DataBankError(f"{place}: {fault}: {NOT_TAKEN}")
    return None
