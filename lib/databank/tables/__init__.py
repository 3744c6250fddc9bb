"""Delta tables: declared once, written through one door, read at their published version."""

from databank.tables.spec import Column, TableSpec
from databank.tables.store import TableStore

__all__ = ["Column", "TableSpec", "TableStore"]
