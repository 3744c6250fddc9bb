"""Ledgers on a local disk are written by delta-rs: a commit takes it milliseconds, and no Spark."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError

from databank.session import arrow_table
from databank.tables.commits import PREFIX
from databank.tables.spec import TableSpec

_CHECKPOINT = 20  # commits, each a small file that whoever opens the ledger reads


class TakenError(Exception):
    """Another run has made the commit of the same number."""


def append_to_ledger(
    path: str,
    spec: TableSpec,
    rows: Iterable[Sequence[Any]],
    *,
    run_id: str,
    once: tuple[str, int] | None = None,
) -> bool:
    """Add rows to a ledger that is there, in one commit; False where delta-rs cannot write.

    It commits by a hard link, which some file systems lack.

    Args:
        path: Of the table, on a local disk.
        spec: The ledger.
        rows: Values in the order of its columns.
        run_id: Of the run that writes.
        once: A name and a number; of each name a number is committed once, in ascending order.

    Raises:
        TakenError: If the number was committed before, or is by somebody else at this moment.
    """
    values = arrow_table(rows, spec.schema())
    try:
        table = DeltaTable(path)
        if once is not None:
            taken = table.transaction_version(once[0])
            if taken is not None and taken >= once[1]:
                raise TakenError
        properties = CommitProperties(
            custom_metadata={"userMetadata": f"{PREFIX}{run_id}"},
            app_transactions=[Transaction(*once)] if once else None,
        )
        write_deltalake(
            table,
            values,
            mode="append",
            commit_properties=properties,
            # a checkpoint that fails must not look like a commit that did
            post_commithook_properties=PostCommitHookProperties(
                create_checkpoint=False, cleanup_expired_logs=False
            ),
        )
    except CommitFailedError:
        if once is None:
            return False
        raise TakenError from None
    except (DeltaError, OSError):
        return False
    if table.version() % _CHECKPOINT == 0:
        with suppress(DeltaError, OSError):
            table.create_checkpoint()
            # as Delta's own checkpoints do: the log of a month is enough
            table.cleanup_metadata()
    return True
