"""Tables for readers outside Spark: path, published version, and small reads by delta-rs."""

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from databank.tables.roots import require_root


def published_versions(root: str) -> dict[str, int]:
    """Table -> version that readers are to see; empty before the first run."""
    rows = read_small(root, "ops.publish")
    if rows is None:
        return {}
    newest = rows.sort_by([("seq", "ascending")]).to_pylist()
    return {row["table"]: row["version"] for row in newest}


def read_small(root: str, table: str, *, version: int | None = None) -> pa.Table | None:
    """A small table in memory; None if there is none.

    Raises:
        DataBankError: If the root does not exist.
    """
    require_root(root)
    path = f"{root}/{table.replace('.', '/')}"
    try:
        return DeltaTable(path, version=version).to_pyarrow_table()
    except TableNotFoundError:
        return None


def newest(rows: pa.Table, column: str, count: int) -> pa.Table:
    """The rows with the highest values of a column, highest first."""
    order = pc.sort_indices(rows, sort_keys=[(column, "descending")])
    return rows.take(order.slice(0, count))
