"""What a bank has published: enough to tell, before a job starts, whether it has any work."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from databank.tables.commits import altering_commit
from databank.tables.files import Files, LocalFiles
from databank.tables.ops import PUBLISH, RUN
from databank.tables.outside import has_plain_path, published_versions, read_small
from databank.tables.spec import TableSpec

if TYPE_CHECKING:
    import pyarrow as pa

    from databank.tables.store import Store

LEASES = "_lease"  # folder of the leases, a file for each job that runs


@dataclass(frozen=True)
class BankState:
    """The state of a bank at one moment.

    Attributes:
        files: Files of the warehouse.
        published: Table -> version that readers see.
        rows: Gives the published rows of a small table; None if it was never published.
    """

    files: Files
    published: Mapping[str, int]
    rows: "Callable[[TableSpec], pa.Table | None]"


def state_of(store: "Store") -> BankState:
    """Give the state that a store has read last; none of it counts as read by the run."""

    def rows(spec: TableSpec) -> "pa.Table | None":
        version = store.published.get(spec.name)
        return None if version is None else store.read_version(spec, version).toArrow()

    return BankState(store.files, store.published, rows)


def state_outside(root: str) -> "tuple[BankState, pa.Table] | None":
    """Read the state of a bank on a local disk without Spark, and its ops.run.

    None where nothing was published yet, a run is going on, somebody else altered a ledger, or
    delta-rs would look elsewhere.

    Raises:
        DataBankError: If the bank cannot be read.
    """
    if not has_plain_path(root):
        return None
    folder = Path(os.path.abspath(root))
    files = LocalFiles(f"file:{folder}", folder)
    if files.names(LEASES):
        return None
    published, runs = published_versions(root), read_small(root, RUN.name)
    if not published or runs is None:
        return None
    logs = (files.commits(ledger.name.replace(".", "/")) for ledger in (PUBLISH, RUN))
    if any(altering_commit(log) is not None for log in logs):
        return None

    def rows(spec: TableSpec) -> "pa.Table | None":
        version = published.get(spec.name)
        return None if version is None else read_small(root, spec.name, version=version)

    return BankState(files, published, rows), runs
