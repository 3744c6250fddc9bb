"""Stable hashes of configuration and code, to know whether a run would repeat the last one."""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any


def fingerprint(value: Any, *, length: int = 12) -> str:
    """A short hash of a JSON-like value; the order of keys does not matter."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


@cache
def code_version() -> str:
    """A short hash of the package's own sources: a changed transform is a changed input.

    Works for a folder as well as for the zip that spark-submit ships.
    """
    digest = hashlib.sha256()
    for name, source in _sources(files("databank"), ""):
        digest.update(name.encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        name = f"{prefix}/{entry.name}"
        if entry.is_dir():
            yield from _sources(entry, name)
        # lists beside them decide results, too
        elif name.endswith((".py", ".txt")):
            yield name, entry
