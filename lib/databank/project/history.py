"""The last runs of a warehouse, for `databank runs`; read without Spark."""

from typing import Any

from databank.tables.ops import RUN


def last_runs(root: str, count: int) -> list[dict[str, Any]]:
    """List the last runs, newest first.

    Raises:
        DataBankError: If there is no bank at the root, or it cannot be read.
    """
    # delta-rs takes half a second to import: only here
    from databank.tables.outside import newest, read_small, require_bank

    require_bank(root)
    rows = read_small(root, RUN.name)
    if rows is None:
        return []
    return [
        {
            "started": f"{row['started']:%Y-%m-%d %H:%M:%S}",
            "job": row["job"],
            "nodes": ", ".join(row["nodes"]),
            "day": row["day"],
            "outcome": row["outcome"],
            "seconds": round(row["seconds"], 1),
            "rows": sum(dict(row["rows"]).values()),
            "message": row["message"],
        }
        for row in newest(rows, "started", count).to_pylist()
    ]
