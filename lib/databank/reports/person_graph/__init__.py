"""The drawing of one person: identifiers, and the evidence that ties them."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "draw_graph": "databank.reports.person_graph.draw",
        "draw_person": "databank.reports.person_graph.person",
    },
)
