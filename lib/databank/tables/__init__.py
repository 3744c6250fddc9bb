"""Delta tables: declared once, written through one door, read at their published version."""

from typing import TYPE_CHECKING

from databank.lazy import lazy_exports

if TYPE_CHECKING:
    from databank.tables.delta_store import DeltaStore
    from databank.tables.spec import Column, TableSpec
    from databank.tables.store import Store

    __all__ = ["Column", "DeltaStore", "Store", "TableSpec"]
else:
    # who only reads files of a table needs no Spark
    __getattr__, __all__ = lazy_exports(
        __name__,
        {
            "Column": "databank.tables.spec",
            "DeltaStore": "databank.tables.delta_store",
            "Store": "databank.tables.store",
            "TableSpec": "databank.tables.spec",
        },
    )
