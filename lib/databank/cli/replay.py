"""`databank quarantine replay`: another try to load it, by today's configuration."""

from dataclasses import replace
from datetime import date
from typing import Any

from databank.errors import DataBankError
from databank.hashing import fingerprint
from databank.project.jobs import config_hash, job_config
from databank.project.load import load_project
from databank.runs import open_runner
from databank.sources.build import JOB
from databank.sources.replay import Replay, replay_quarantine
from databank.tables.outside import require_bank
from databank.tables.published_reader import PublishedReader


def replay(
    conf_dir: str, root: str, source: str | None, day: date | None, *, dry_run: bool
) -> dict[str, Any]:
    """Parse what is in quarantine once more; a dry run publishes nothing.

    Raises:
        DataBankError: If the source is unknown, or the bank has no run of ingest.
    """
    require_bank(root)
    project = load_project(conf_dir)
    names = [each.source for each in project.sources]
    if source is not None and source not in names:
        raise DataBankError(f"--source: unknown source {source!r}; one of {', '.join(names)}")
    day = day or _last_day(root)
    runner = open_runner(project.settings, root)
    outcome = runner.run(
        replace(JOB, step=replay_quarantine, outside=lambda *_: True),
        Replay(job_config(JOB.name, project), source),
        day=day,
        config_hash=fingerprint(["replay", source, config_hash(JOB.name, project, ())]),
        preview=dry_run,
    )
    if outcome.error is not None:
        raise outcome.error
    return dict(outcome.summary)


def _last_day(root: str) -> date:
    """Give the last day that ingest was run for."""
    days = PublishedReader(root).find("ops.publish", ("max(day)",), "job = ?", [JOB.name])
    [(day,)] = days or [(None,)]
    if day is None:
        raise DataBankError(f"--root {root}: ingest was never run here; there is no quarantine")
    last: date = day
    return last
