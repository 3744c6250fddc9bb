"""OneID: which identifiers are one person."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Assignment": "databank.identity.registry",
        "assign_persons": "databank.identity.registry",
        "connected_components": "databank.identity.components.solve",
        "cut_persons": "databank.identity.exclusions.cuts",
    },
)
