"""Lazy exports (PEP 562): naming a package costs nothing until one of its names is used."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(package: str, places: Mapping[str, str]) -> tuple[Callable[[str], Any], list[str]]:
    """Make `__getattr__` and `__all__` of a package whose names lie in other modules."""

    def __getattr__(name: str) -> Any:  # noqa: N807 - the hook's name is Python's
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(places[name]), name)

    return __getattr__, sorted(places)


class LazyModule:
    """A module that is imported when one of its names is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
