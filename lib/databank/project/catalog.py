"""All tables of a bank: what `databank tables` shows, and which job writes each."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from databank.errors import DataBankError, did_you_mean
from databank.project.jobs import JOBS
from databank.tables.spec import TableSpec

# tables that belong to no one job's package
_SHARED = (
    *("databank.tables.ops", "databank.tables.erasure", "databank.quality.tables"),
    "databank.sources.erasure.tables",
)


def all_tables() -> dict[str, TableSpec]:
    """Give every table of the bank by name, sorted."""
    # a job's tables are declared beside its module
    modules = {f"{job.module.rpartition('.')[0]}.tables" for job in JOBS.values()}
    specs = {spec.name: spec for module in (*_SHARED, *modules) for spec in _declared(module)}
    return dict(sorted(specs.items()))


@cache
def _declared(module: str) -> tuple[TableSpec, ...]:
    """List the tables of a module; a job without tables has none."""
    if find_spec(module) is None:
        return ()
    values = vars(import_module(module)).values()
    return tuple(value for value in values if isinstance(value, TableSpec))


def list_tables() -> list[dict[str, Any]]:
    """Describe all tables: one entry per table."""
    return [
        {"table": name, "one row is": spec.grain, "written by": spec.owner}
        for name, spec in all_tables().items()
    ]


def describe_table(name: str) -> list[dict[str, Any]]:
    """Describe one table: one entry per column.

    Raises:
        DataBankError: If there is no such table.
    """
    specs = all_tables()
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
