"""OneID: which identifiers are one person."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from databank.identity.components import connected_components
    from databank.identity.guards import refuse_by_limits
    from databank.identity.registry import Assignment, assign_persons

__all__ = ["Assignment", "assign_persons", "connected_components", "refuse_by_limits"]

_HOMES = {
    "Assignment": "registry",
    "assign_persons": "registry",
    "connected_components": "components",
    "refuse_by_limits": "guards",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
