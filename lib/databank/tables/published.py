"""What a job has published, day by day, and whether it can be read still."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from databank.errors import DataBankError
from databank.tables.store import Store


@dataclass(frozen=True)
class Published:
    """The tables of a job as a run left them.

    Attributes:
        day: Run day.
        run_id: The run, or the rollback to it.
        versions: Table -> version; what the run did not write is as runs before it left it.
        last: Whether the job has published nothing since.
    """

    day: date
    run_id: str
    versions: dict[str, int]
    last: bool


def published_by(store: Store, job: str, day: date) -> Published:
    """Find what the last run of a job for a day up to `day` left; what was rolled back is no run.

    Raises:
        DataBankError: If the job has published nothing for a day up to it.
    """
    rows = store.publications(job)
    # a rollback publishes its day again: what it undid is of later days, or older than that row
    candidates = [row for row in rows if row.day <= day]
    if not candidates:
        first = min((row.day for row in rows), default=None)
        known = f"its first run was for {first}" if first else "it has published nothing yet"
        raise DataBankError(f"--to: {job} was not run for {day} or a day before; {known}")
    newest = candidates[-1]
    versions = {row.table: row.version for row in rows if row.seq <= newest.seq}
    return Published(newest.day, newest.run_id, versions, last=newest.seq == rows[-1].seq)


def refuse_unreadable(store: Store, versions: Mapping[str, int], day: date) -> None:
    """Refuse versions of which Delta's log or files are gone.

    Raises:
        DataBankError: Naming the first such table.
    """
    for table, version in sorted(versions.items()):
        if not store.is_readable(table, version):
            raise DataBankError(
                f"{table}: version {version}, that of {day}, cannot be read any more (VACUUM has "
                "taken its files, or Delta its log); give a later day"
            )
