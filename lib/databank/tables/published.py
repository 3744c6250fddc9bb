"""What a job has published, day by day, and whether it can be read still."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F

from databank.errors import DataBankError
from databank.tables.ops import PUBLISH
from databank.tables.store import TableStore


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


def published_by(store: TableStore, job: str, day: date) -> Published:
    """What the last run of a job for a day up to `day` left; what was rolled back is no run.

    Raises:
        DataBankError: If the job has published nothing for a day up to it.
    """
    rows = []
    if store.files.last_version(store.path(PUBLISH)) is not None:
        # a row per run and table of the job
        ledger = store.spark.read.format("delta").load(store.path(PUBLISH))
        rows = sorted(ledger.where(F.col("job") == job).collect(), key=lambda row: row["seq"])
    # a rollback publishes its day again: what it undid is of later days, or older than that row
    found = [row for row in rows if row["day"] <= day]
    if not found:
        first = min((row["day"] for row in rows), default=None)
        known = f"its first run was for {first}" if first else "it has published nothing yet"
        raise DataBankError(f"--to: {job} was not run for {day} or a day before; {known}")
    newest = found[-1]
    versions = {row["table"]: row["version"] for row in rows if row["seq"] <= newest["seq"]}
    last = newest["seq"] == rows[-1]["seq"]
    return Published(newest["day"], newest["run_id"], versions, last)


def refuse_unreadable(store: TableStore, versions: Mapping[str, int], day: date) -> None:
    """Refuse versions of which Delta's log or files are gone.

    Raises:
        DataBankError: Naming the first such table.
    """
    for table, version in sorted(versions.items()):
        if not is_readable(store, table, version):
            raise DataBankError(
                f"{table}: version {version}, that of {day}, cannot be read any more (VACUUM has "
                "taken its files, or Delta its log); give a later day"
            )


def is_readable(store: TableStore, table: str, version: int) -> bool:
    """Whether Delta's log and the files of a version are there still."""
    try:
        files = store.read_version(table, version).inputFiles()
    except AnalysisException:
        return False
    held = set(store.files.names(store.path(table)))
    return {unquote(file.rpartition("/")[2]) for file in files} <= held
