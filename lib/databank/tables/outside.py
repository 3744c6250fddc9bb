"""A warehouse for readers outside Spark: its root, published versions, and small tables."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from databank.errors import DamagedTableError, DataBankError

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

_DENIED = "Permission denied"
_LEDGERS = ("ops/publish", "ops/run")  # a run writes one of them, whatever becomes of it


def is_elsewhere(root: str) -> bool:
    """Tell whether the warehouse is no folder of this machine."""
    return "://" in root


def has_plain_path(path: str) -> bool:
    """Tell whether delta-rs takes a path as it is: in some it sees escapes and separators."""
    return not set("%\\\n") & set(os.path.abspath(path))


def holds_bank(root: str) -> bool:
    """Tell whether a run has written into the root; a store elsewhere is tried when it is read.

    Raises:
        DataBankError: If the root is empty text or a file, or cannot be read.
    """
    refuse_no_folder(root)
    return is_elsewhere(root) or any(_lists(root, f"{each}/_delta_log") for each in _LEDGERS)


def require_bank(root: str) -> None:
    """Refuse a root into which no run has written.

    Raises:
        DataBankError: If there is no bank at the root, or it cannot be read.
    """
    if not holds_bank(root):
        why = "no run has written there" if os.path.isdir(root) else "there is no such folder"
        raise DataBankError(
            f"no bank at {root}: {why}; create it by `databank run all --root {root} --date "
            "YYYY-MM-DD`, or give the --root of a bank"
        )


def refuse_no_folder(root: str) -> None:
    """Refuse what can never be a bank.

    Raises:
        DataBankError: If the root is empty text or a file.
    """
    refuse_blank_root(root)
    # not by Path, which raises where a folder above may not be entered
    if not is_elsewhere(root) and os.path.isfile(root):
        raise DataBankError(f"--root {root}: is a file; give the folder of a bank")


def refuse_blank_root(root: str) -> None:
    """Refuse a root without a name, which Python takes for the working folder.

    Raises:
        DataBankError: Naming the option.
    """
    if not root.strip():
        raise DataBankError("--root: is empty; give the folder of a bank")


def refuse_closed(root: str, table: str, error: Exception) -> None:
    """Refuse a table that may not be read: readers take it for damaged, or not there.

    Args:
        root: The warehouse.
        table: As `schema.table`.
        error: What a reader says.

    Raises:
        DataBankError: If it is there and this user may not read it.
    """
    path = table.replace(".", "/")
    if _DENIED in str(error):
        raise DataBankError(
            f"--root {root}: {path} cannot be read ({_DENIED}); let this user read it"
        ) from None
    if not is_elsewhere(root):
        _lists(root, f"{path}/_delta_log")


def _lists(root: str, path: str) -> bool:
    """Tell whether a folder under the root holds anything; one that cannot be read is an error."""
    try:
        return bool(os.listdir(f"{root}/{path}"))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise DataBankError(
            f"--root {root}: {path} cannot be read ({error.strerror}); let this user read it"
        ) from None


def require_root(root: str) -> None:
    """Refuse a folder that is not there; a store elsewhere is tried when it is read.

    Raises:
        DataBankError: If the folder does not exist, or none is given.
    """
    refuse_blank_root(root)
    if not is_elsewhere(root) and not os.path.isdir(root):
        raise DataBankError(f"--root {root}: there is no such folder; give that of a bank")


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
        DataBankError: If there is no bank at the root, or it cannot be read.
        DamagedTableError: If files of the table are gone or spoilt.
    """
    # delta-rs takes half a second to import: who only asks for the root does not wait for it
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError
    from pyarrow import ArrowException

    require_root(root)
    path = f"{root}/{table.replace('.', '/')}"
    try:
        held = DeltaTable(path, version=version)
        return held.to_pyarrow_table() if is_elsewhere(root) else _local_rows(held)
    except TableNotFoundError as error:
        refuse_closed(root, table, error)
        return None
    except (DeltaError, ArrowException, OSError) as error:
        refuse_closed(root, table, error)
        raise DamagedTableError(table, path, first_line(error)) from None


def _local_rows(held: "DeltaTable") -> "pa.Table":
    """Read a table of a local disk by Arrow alone.

    delta-rs hands it a file system in Python, whose threads abort a process that ends meanwhile.
    """
    import pyarrow as pa
    from pyarrow import dataset

    if not is_plain(held):
        return held.to_pyarrow_table()  # which refuses what it cannot read
    schema = pa.schema(held.schema().to_arrow())
    files = local_files(held.file_uris())
    if not files:
        return schema.empty_table()
    # Spark writes times in 96 bits
    options = dataset.ParquetReadOptions(coerce_int96_timestamp_unit="us")
    parquet = dataset.ParquetFileFormat(read_options=options)
    return dataset.dataset(files, schema=schema, format=parquet).to_table()


def is_plain(held: "DeltaTable") -> bool:
    """Tell whether the rows of a table are just those of its files, under their names."""
    return held.protocol().min_reader_version == 1 and not held.metadata().partition_columns


def local_files(uris: Iterable[str]) -> list[str]:
    """Give the paths of files of a local disk that delta-rs names."""
    return [unquote(uri.removeprefix("file://")) for uri in uris]


def first_line(error: Exception) -> str:
    """Give what an error says first; delta-rs adds a backtrace."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def newest(rows: "pa.Table", column: str, count: int) -> "pa.Table":
    """Give the rows with the highest values of a column, highest first."""
    import pyarrow.compute as pc

    order = pc.sort_indices(rows, sort_keys=[(column, "descending")])
    return rows.take(order.slice(0, count))
