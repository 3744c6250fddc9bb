"""OneID: which identifiers are one person."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Assignment": "databank.identity.person_ids",
        "assign_persons": "databank.identity.person_ids",
        "connected_components": "databank.identity.components.solve",
        "cut_persons": "databank.identity.exclusions.cuts",
    },
)
