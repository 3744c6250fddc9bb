"""What lies behind the published version of a table: a killed run's work, or a lost publication.

Only what is known to be the work of a run that published nothing is taken back. Where a ledger was
damaged, published work looks the same to whoever asks the ledger alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from databank.errors import DataBankError
from databank.tables.commits import Commit


@dataclass(frozen=True)
class KnownRuns:
    """What a bank knows of its runs.

    Attributes:
        published: Run id and table of each row of ops.publish.
        recorded: Run id -> tables that it wrote and published, of each row of ops.run.
        begun: Run ids of runs that began to write and left no record: they were killed.
    """

    published: Collection[tuple[str, str]]
    recorded: Mapping[str, Collection[str]]
    begun: Collection[str]


def refuse_lost_publications(
    table: str, published: int | None, commits: Iterable[Commit], known: KnownRuns, *, root: str
) -> None:
    """Refuse to take back commits that were, or may have been, published.

    Args:
        table: schema.table.
        published: Its published version.
        commits: Commits of databank behind the published version.
        known: What the bank knows of its runs.
        root: Of the bank.

    Raises:
        DataBankError: Naming the run and what can be done.
    """
    for commit in commits:
        run = commit.run or ""
        if (run, table) in known.published:
            continue  # and rolled back since
        if table in known.recorded.get(run, ()):
            raise DataBankError(
                f"{table}: run {run} published it, and ops.publish has no such row any more; "
                f"nothing was touched: restore {root}/ops from a backup (`databank doctor` tells "
                "what else is damaged)"
            )
        if run not in known.recorded and run not in known.begun:
            otherwise = (
                f"remove {root}/{table.replace('.', '/')}"
                if published is None
                else f"bring version {published} back by Delta's RESTORE"
            )
            raise DataBankError(
                f"{table}: neither ops.run nor ops.publish knows run {run}, which wrote version "
                f"{commit.version}; nothing was touched: restore {root}/ops from a backup, or, if "
                f"what it wrote is of no worth, {otherwise}"
            )
