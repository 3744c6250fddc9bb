"""The formats that sources may have; a new one is a class, registered here by one line."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast, get_args

from pydantic import BaseModel, field_validator

from databank.config.kinds import KeyReference, describe_key, keys_of
from databank.errors import did_you_mean
from databank.sources.formats.base import SourceFormat
from databank.sources.formats.csv import CsvFormat
from databank.sources.formats.delta import DeltaFormat
from databank.sources.formats.json import JsonFormat
from databank.sources.formats.parquet import ParquetFormat

FORMATS: dict[str, type[SourceFormat]] = {}


def register_format(model: type[SourceFormat]) -> type[SourceFormat]:
    """Add a format; sources can use it from now on."""
    [name] = get_args(model.model_fields["format"].annotation)
    FORMATS[name] = model
    return model


for _model in (CsvFormat, JsonFormat, ParquetFormat, DeltaFormat):
    register_format(_model)


class _Unknown(BaseModel):
    """A source whose format cannot tell which keys it has."""

    format: str

    @field_validator("format")
    @classmethod
    def _refuse(cls, value: str) -> str:
        raise ValueError(f"unknown format {value!r}; {did_you_mean(value, FORMATS)}")


def source_type(raw: Any) -> type[SourceFormat]:
    """Choose the class that reads a source: the one of its `format`."""
    name = raw.get("format") if isinstance(raw, dict) else None
    model = FORMATS.get(name) if isinstance(name, str) else None
    return model or cast(type[SourceFormat], _Unknown)


def read_source(raw: Any) -> SourceFormat:
    """Read a source as YAML gives it.

    Raises:
        ValidationError: With all that is wrong with its keys.
    """
    return source_type(raw).model_validate(raw)


class FormatReference(NamedTuple):
    """One format, as documentation shows it; `keys` are those of the format alone."""

    format: str
    description: str
    keys: tuple[KeyReference, ...]


def format_reference() -> list[FormatReference]:
    """Describe all formats by their names."""
    return [
        FormatReference(name, _summary(model), tuple(_own_keys(model)))
        for name, model in sorted(FORMATS.items())
    ]


def _summary(model: type[SourceFormat]) -> str:
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _own_keys(model: type[SourceFormat]) -> Iterator[KeyReference]:
    common = keys_of(SourceFormat)
    for key, field in keys_of(model).items():
        if key not in common:
            yield describe_key(key, field)
