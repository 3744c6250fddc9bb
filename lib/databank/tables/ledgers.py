"""Ledgers on a local disk are written by delta-rs: a commit takes it milliseconds, and no Spark."""

from collections.abc import Iterable, Sequence
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from databank.errors import DataBankError
from databank.session import arrow_table
from databank.tables.commits import PREFIX
from databank.tables.outside import first_line
from databank.tables.spec import TableSpec


class TakenError(Exception):
    """Another run has made the commit of the same number."""


def append_to_ledger(
    path: str,
    spec: TableSpec,
    rows: Iterable[Sequence[Any]],
    *,
    run_id: str,
    once: tuple[str, int] | None = None,
) -> None:
    """Add rows to a ledger that is there, in one commit.

    Args:
        path: Of the table, on a local disk.
        spec: The ledger.
        rows: Values in the order of its columns.
        run_id: Of the run that writes.
        once: A name and a number; of each name a number is committed once, in ascending order.

    Raises:
        TakenError: If the number was committed before, or is by somebody else at this moment.
        DataBankError: If the files cannot be written.
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
        write_deltalake(table, values, mode="append", commit_properties=properties)
    except CommitFailedError as error:
        if once is None:
            raise _unwritten(spec, path, error) from None
        raise TakenError from None
    except (DeltaError, OSError) as error:
        raise _unwritten(spec, path, error) from None


def _unwritten(spec: TableSpec, path: str, error: Exception) -> DataBankError:
    return DataBankError(
        f"{spec.name}: cannot be written at {path} ({first_line(error)}); see that there is room, "
        "and that this user may write there, then run again"
    )
