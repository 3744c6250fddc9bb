"""Delta tables: declared once, written through one door, read at their published version."""

from typing import TYPE_CHECKING

from databank.lazy import lazy_exports

if TYPE_CHECKING:
    from databank.tables.spec import Column, TableSpec
    from databank.tables.store import TableStore

    __all__ = ["Column", "TableSpec", "TableStore"]
else:
    # who only reads files of a table needs no Spark
    __getattr__, __all__ = lazy_exports(
        __name__,
        {
            "Column": "databank.tables.spec",
            "TableSpec": "databank.tables.spec",
            "TableStore": "databank.tables.store",
        },
    )
