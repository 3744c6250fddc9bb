"""What `databank tables` and `databank runs` tell, without starting Spark."""

from importlib import import_module
from typing import Any

from databank.errors import DataBankError, did_you_mean
from databank.project.jobs import JOBS
from databank.sources.tables import ERASURE
from databank.tables import TableSpec
from databank.tables.ops import METRIC, PUBLISH, RUN


def all_specs() -> list[TableSpec]:
    """Every table of the bank, by name."""
    found = {spec.name: spec for spec in (PUBLISH, RUN, METRIC, ERASURE)}
    for job in JOBS.values():
        found |= {spec.name: spec for spec in import_module(job.place).JOB.tables}
    return [found[name] for name in sorted(found)]


def list_tables() -> list[dict[str, Any]]:
    """One entry per table."""
    return [{"table": s.name, "one row is": s.grain, "written by": s.owner} for s in all_specs()]


def describe(name: str) -> list[dict[str, Any]]:
    """One entry per column of a table.

    Raises:
        DataBankError: If there is no such table.
    """
    specs = {spec.name: spec for spec in all_specs()}
    if name not in specs:
        raise DataBankError(f"unknown table {name!r}; {did_you_mean(name, specs)}")
    spec = specs[name]
    return [
        {
            "column": column.name,
            "type": column.type,
            "key": "key" if column.name in spec.key else None,
            "personal data": "yes" if column.pii else None,
            "what it is": column.comment,
        }
        for column in spec.columns
    ]


def last_runs(root: str, count: int) -> list[dict[str, Any]]:
    """The last runs, newest first."""
    # delta-rs takes half a second to import: only here
    from databank.tables.outside import newest, read_small

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
