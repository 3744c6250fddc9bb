"""JSON Schemas of the configuration files for editors, and the texts that describe their keys."""

import json
import re
from collections.abc import Iterator
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter

from databank.archive.config import ArchiveConfig
from databank.audiences.config import AudienceConfig
from databank.config import Settings
from databank.config.kinds import Kinds
from databank.identity.config import IdentityConfig
from databank.indicators.config import INDICATOR_KINDS
from databank.lifecycle.config import LifecycleConfig
from databank.lookalike.config import LookalikeConfig
from databank.models.config import FAMILIES
from databank.sources.formats.registry import FORMATS
from databank.tags.library import TAG_KINDS

# keys that mean the same wherever they stand
_COMMON = {
    "name": "Unique name",
    "kind": "What it is; each kind has keys of its own",
    "format": "How records are listed and read; each format has keys of its own",
    "description": "One sentence for people; changes no data",
    "owner": "Who answers for it; changes no data",
    "unit": "Unit of the numbers, shown in the report; changes no data",
    "reason": "Why; kept with what follows from it",
    "type": "Type of the identifier, e.g. phone",
    "value": "The identifier, as ingest writes it",
    "scope": "Space in which the value is unique, e.g. the app of an openid",
    "day": "YYYY-MM-DD",
    "label": "What the model is to foretell",
}

# folder of conf/, and key of its files -> kinds of the entries in them
LISTS: dict[str, Kinds[Any]] = {"indicators": INDICATOR_KINDS, "tags": TAG_KINDS}


def file_models() -> dict[str, list[type[BaseModel]]]:
    """Give the models that a file, or each file of a folder, may have.

    Files of LISTS are left out: each is a list of entries of several kinds.
    """
    return {
        "databank.yml": [Settings],
        "sources/*.yml": list(FORMATS.values()),
        "identity.yml": [IdentityConfig],
        "archive.yml": [ArchiveConfig],
        "lifecycle.yml": [LifecycleConfig],
        "models/*.yml": [family.spec for family in FAMILIES.values()],
        "audiences/*.yml": [AudienceConfig],
        "lookalikes/*.yml": [LookalikeConfig],
    }


def file_schemas() -> dict[str, dict[str, Any]]:
    """Give the JSON Schema of each file; keys are described as the docstrings of the code do."""
    schemas = {pattern: _schema(models) for pattern, models in file_models().items()}
    for name, kinds in LISTS.items():
        entry = _schema(list(kinds))
        entries = {"type": "array", "items": {key: entry[key] for key in entry if key != "$defs"}}
        schemas[f"{name}/*.yml"] = {
            "type": "object",
            "properties": {name: entries},
            "required": [name],
            "additionalProperties": False,
            "$defs": entry.get("$defs", {}),
        }
    return schemas


def write_schemas(folder: Path) -> dict[str, str]:
    """Write a schema for each file of a configuration.

    Returns:
        File that was written -> pattern of the configuration files that it is for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for pattern, schema in file_schemas().items():
        path = folder / f"{re.split(r'[/.]', pattern)[0]}.schema.json"
        path.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        written[str(path)] = pattern
    return written


def key_texts(model: type[BaseModel]) -> dict[str, str]:
    """Read what the fields, or the docstrings of a model and its bases, say of each key."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        _, _, section = (base.__doc__ or "").partition("Attributes:\n")
        for match in re.finditer(r"^ {4,8}(\w+): (.*(?:\n {9,}.*)*)", section, re.MULTILINE):
            texts[match[1]] = " ".join(match[2].split())
    keys = {}
    for name, field in model.model_fields.items():
        text = field.description or texts.get(name) or _COMMON.get(field.alias or name)
        if text:
            keys[field.alias or name] = text
    return keys


def models_within(annotation: Any, seen: set[Any] | None = None) -> Iterator[type[BaseModel]]:
    """List the models that an annotation is made of, at any depth, each once."""
    seen = set() if seen is None else seen
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in seen:
            return
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_within(field.annotation, seen)
    for inner in get_args(annotation):
        yield from models_within(inner, seen)


def summary(model: type[BaseModel]) -> str:
    """Give the first paragraph of a model's docstring."""
    return " ".join((model.__doc__ or "").partition("\n\n")[0].split())


def _schema(models: list[type[BaseModel]]) -> dict[str, Any]:
    union: Any = reduce(or_, models)
    adapter: TypeAdapter[Any] = TypeAdapter(union)
    schema = adapter.json_schema(by_alias=True)
    named = {each.__name__: each for model in models for each in models_within(model)}
    for name, part in [(schema.get("title"), schema), *schema.get("$defs", {}).items()]:
        if name in named:
            part["description"] = summary(named[name])
            texts = key_texts(named[name])
            for key, value in part.get("properties", {}).items():
                if texts.get(key):
                    value["description"] = texts[key]
    return schema
