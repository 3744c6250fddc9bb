"""All tables of a bank: what `databank tables` shows, and which job writes each."""

from functools import cache
from importlib import import_module
from typing import Any

from databank.errors import DataBankError, did_you_mean
from databank.tables.spec import TableSpec

_MODULES = (
    *("databank.tables.ops", "databank.quality.tables", "databank.sources.tables"),
    *("databank.identity.tables", "databank.identity.entities.tables"),
    *("databank.archive.tables", "databank.indicators.tables", "databank.tags.tables"),
    *("databank.lifecycle.tables", "databank.models.tables", "databank.audiences.tables"),
    "databank.lookalike.tables",
)


@cache
def all_tables() -> dict[str, TableSpec]:
    """Give every table of the bank by name, sorted."""
    specs = {
        value.name: value
        for module in _MODULES
        for value in vars(import_module(module)).values()
        if isinstance(value, TableSpec)
    }
    return dict(sorted(specs.items()))


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
