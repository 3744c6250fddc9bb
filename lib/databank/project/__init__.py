"""The model of a configured bank: loading, checks, the graph of nodes, plans, the jobs."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Bank": "databank.project.load",
        "load_bank": "databank.project.load",
    },
)
