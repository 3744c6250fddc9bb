"""A warehouse for readers outside Spark: its root, published versions, and small tables."""

from pathlib import Path
from typing import TYPE_CHECKING

from databank.errors import DamagedTableError, DataBankError

if TYPE_CHECKING:
    import pyarrow as pa


def is_there(root: str) -> bool:
    """Tell whether the folder exists; a store elsewhere is taken to be there until it is read."""
    return "://" in root or Path(root).is_dir()


def require_root(root: str) -> None:
    """Refuse a folder that is not there; a store elsewhere is tried when it is read.

    Raises:
        DataBankError: If the folder does not exist, or none is given.
    """
    refuse_blank_root(root)
    if not is_there(root):
        raise DataBankError(f"--root {root}: there is no such folder; give that of a warehouse")


def refuse_blank_root(root: str) -> None:
    """Refuse a root without a name, which Python takes for the working folder.

    Raises:
        DataBankError: Naming the option.
    """
    if not root.strip():
        raise DataBankError("--root: is empty; give the folder of a warehouse")


def published_versions(root: str) -> dict[str, int]:
    """Give the version of each table that readers are to see; empty before the first run."""
    rows = read_small(root, "ops.publish")
    if rows is None:
        return {}
    newest_last = rows.sort_by([("seq", "ascending")]).to_pylist()
    return {row["table"]: row["version"] for row in newest_last}


def read_small(root: str, table: str, *, version: int | None = None) -> "pa.Table | None":
    """Read a small table into memory; None if there is none.

    Raises:
        DataBankError: If the root does not exist.
        DamagedTableError: If files of the table are gone or spoilt.
    """
    # delta-rs takes half a second to import: who only asks for the root does not wait for it
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError
    from pyarrow import ArrowException

    require_root(root)
    path = f"{root}/{table.replace('.', '/')}"
    try:
        return DeltaTable(path, version=version).to_pyarrow_table()
    except TableNotFoundError:
        return None
    except (DeltaError, ArrowException, OSError) as error:
        raise DamagedTableError(table, path, first_line(error)) from None


def first_line(error: Exception) -> str:
    """Give what an error says first; delta-rs adds a backtrace."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def newest(rows: "pa.Table", column: str, count: int) -> "pa.Table":
    """Give the rows with the highest values of a column, highest first."""
    import pyarrow.compute as pc

    order = pc.sort_indices(rows, sort_keys=[(column, "descending")])
    return rows.take(order.slice(0, count))
