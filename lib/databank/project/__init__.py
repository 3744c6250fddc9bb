"""The model of a configured bank: loading, checks, the graph of nodes, plans, the jobs."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Project": "databank.project.model",
        "load_project": "databank.project.load",
    },
)
