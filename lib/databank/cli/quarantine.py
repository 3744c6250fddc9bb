"""`databank quarantine`: what was not taken, and why; and another try by today's configuration."""

from dataclasses import replace
from datetime import date
from typing import Any

from databank.cli.show import Rows
from databank.errors import DataBankError
from databank.hashing import fingerprint
from databank.project.jobs import config_hash, job_config
from databank.project.load import load_project
from databank.runs import Runner
from databank.session import get_spark
from databank.sources.build import JOB
from databank.sources.replay import Replay, replay_quarantine
from databank.tables import DeltaStore
from databank.tables.outside import require_root
from databank.tables.published_reader import PublishedReader

_TABLE = "ops.quarantine"
_EXAMPLES = 3
# values of records are personal data: they stand in quotes, or are times
_MASKED = """regexp_replace(regexp_replace(reason, '"[^"]*"', '"..."', 'g'),
    '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+', '...', 'g')"""


def list_quarantine(root: str, source: str | None, *, show_values: bool) -> Rows:
    """Count what is in quarantine by source, rule and reason, with three places of each.

    Raises:
        DataBankError: If the root does not exist.
    """
    reason = "reason" if show_values else _MASKED
    place = "file || coalesce(' line ' || line::VARCHAR, '')"
    if show_values:
        place += " || ': ' || left(coalesce(raw, ''), 200)"
    columns = (
        "source", "rule", f"{reason} AS why", "count(*)", "min(waits_for)",
        f"list({place} ORDER BY file, line)[1:{_EXAMPLES}]",
    )  # fmt: skip
    where, given = ("source = ?", [source]) if source else ("true", [])
    held = PublishedReader(root).find(_TABLE, columns, f"{where} GROUP BY source, rule, why", given)
    rows: Rows = [
        {
            "source": row[0], "rule": row[1], "reason": row[2], "rows": row[3],
            "waits for": row[4], "examples": "; ".join(row[5]),
        }
        for row in held
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row["source"], -row["rows"], row["rule"]))


def replay(
    conf_dir: str, root: str, source: str | None, day: date | None, *, dry_run: bool
) -> dict[str, Any]:
    """Parse what is in quarantine once more; a dry run publishes nothing.

    Raises:
        DataBankError: If the source is unknown, or the bank has no run of ingest.
    """
    require_root(root)
    project = load_project(conf_dir)
    names = [each.source for each in project.sources]
    if source is not None and source not in names:
        raise DataBankError(f"--source: unknown source {source!r}; one of {', '.join(names)}")
    day = day or _last_day(root)
    spark = get_spark("databank", **project.settings.spark)
    runner = Runner(DeltaStore(spark, root), project.settings)
    outcome = runner.run(
        replace(JOB, step=replay_quarantine),
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
