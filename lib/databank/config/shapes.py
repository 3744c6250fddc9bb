"""Entries of several kinds in one list: which keys each kind needs, and which it may have."""

from collections.abc import Mapping
from typing import Protocol

# kind -> keys it needs, keys it may have, an example
Shapes = Mapping[str, tuple[tuple[str, ...], tuple[str, ...], str]]


class Entry(Protocol):
    """What has a name and a kind."""

    @property
    def name(self) -> str:
        """Give the name of the entry."""
        ...

    @property
    def kind(self) -> str:
        """Give the kind of the entry."""
        ...


def refuse_other_keys(entry: Entry, shapes: Shapes, *, what: str) -> None:
    """Raise unless an entry has the keys of its kind; keys that no kind names are not looked at.

    Args:
        entry: Its keys are attributes; None and what is empty are not given.
        shapes: Of all kinds.
        what: What it is, for the error: `tag`, `indicator`.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    needed, allowed, example = shapes[entry.kind]
    own = dict.fromkeys(key for need, may, _ in shapes.values() for key in (*need, *may))
    given = [key for key in own if getattr(entry, key) not in (None, {}, ())]
    for key in needed:
        if key not in given:
            shape = f"{{name: {entry.name}, kind: {entry.kind}, {example}}}"
            raise ValueError(
                f"{what} {entry.name!r} of kind {entry.kind} lacks `{key}`; write {shape}"
            )
    for key in given:
        if key not in (*needed, *allowed):
            raise ValueError(
                f"{what} {entry.name!r} of kind {entry.kind} has no use for `{key}`; remove it"
            )
