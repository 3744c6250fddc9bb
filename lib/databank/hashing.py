"""Stable hashes of configuration, to know whether a run would repeat the last one."""

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel


class _Metadata:
    """Marks a field that people read and no table depends on."""


# description: Annotated[str, METADATA] = ""
METADATA = _Metadata()


def fingerprint(value: Any, *, length: int = 12) -> str:
    """Give a short hash of a JSON-like value; the order of keys does not matter."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def data_hash(config: Any) -> str:
    """Hash what changes data in a configuration: all of it but the fields marked METADATA.

    Neither the order of keys and sets, nor that of the fields of a model, matters; the order of
    a list does.
    """
    return fingerprint(data_of(config))


def data_of(config: Any) -> Any:
    """Give a configuration as a JSON-like value, without the fields marked METADATA."""
    if isinstance(config, BaseModel):
        kept = (
            name
            for name, field in type(config).model_fields.items()
            if METADATA not in field.metadata
        )
        return {name: data_of(getattr(config, name)) for name in kept}
    if is_dataclass(config) and not isinstance(config, type):
        return {field.name: data_of(getattr(config, field.name)) for field in fields(config)}
    if isinstance(config, Mapping):
        return {str(key): data_of(value) for key, value in config.items()}
    if isinstance(config, Set):
        return sorted((data_of(value) for value in config), key=repr)
    if isinstance(config, list | tuple):
        return [data_of(value) for value in config]
    return config if config is None or isinstance(config, bool | int | float | str) else str(config)
