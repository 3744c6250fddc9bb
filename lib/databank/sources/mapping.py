"""What the fields of a source mean: its columns of core, and its identifiers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from databank.config import StrictModel
from databank.errors import did_you_mean
from databank.expressions.numbers import DECIMAL
from databank.sources.forms import check_form
from databank.sources.references import References, references

# column -> type of what a source may become; other columns go to props or attributes
TARGETS: dict[str, dict[str, str]] = {
    "events": {
        "event_id": "string",
        "event_ts": "timestamp",
        "event": "string",
        "terminal": "string",
        "page": "string",
        "item_id": "string",
        "quantity": DECIMAL,
        "amount": DECIMAL,
        "campaign": "string",
    },
    "profiles": {"record_id": "string", "updated_ts": "timestamp"},
    "items": {"item_id": "string", "updated_ts": "timestamp"},
}
REQUIRED = {
    "events": ("event_id", "event_ts", "event"),
    "profiles": ("record_id",),
    "items": ("item_id",),
}


def _from_name(value: Any) -> Any:
    """Read a bare text as the name of a field."""
    return {"column": value} if isinstance(value, str) else value


class ColumnConfig(StrictModel):
    """Where one column comes from: a field, some fields, an expression, or a hash for event_id."""

    column: str | None = Field(default=None, min_length=1, description="Field of the source")
    concat: tuple[str, ...] = Field(
        default=(), description="Fields whose texts are put together, with a blank between them"
    )
    expr: str | None = Field(
        default=None, min_length=1, description="Spark SQL over the fields, which are all text"
    )
    epoch: Literal["seconds", "milliseconds", "microseconds", "nanoseconds"] | None = Field(
        default=None, description="`column` counts these since 1970"
    )
    format: str | None = Field(
        default=None,
        min_length=1,
        description="How `column` or `concat` writes a time, as Spark's patterns have it: "
        "dd.MM.yyyy HH:mm",
    )
    required: bool = Field(
        default=False, description="Whether a row without a value goes to quarantine"
    )
    hash: Literal["position", "row"] | None = Field(
        default=None,
        description="event_id for sources without one: `position` where a repeated line is "
        "a fact, `row` where it is a repeat",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> "ColumnConfig":
        given = [name for name in ("column", "concat", "expr", "hash") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(
                f"has {' and '.join(given) or 'no origin'}; write a field's name, {{expr: ...}}, "
                "{concat: [...]}, {epoch: ..., column: ...} or {hash: ...}"
            )
        if self.epoch and not self.column:
            raise ValueError("`epoch` needs `column`; write {epoch: seconds, column: ts}")
        if self.format and not (self.column or self.concat):
            raise ValueError("`format` needs `column`; write {format: dd.MM.yyyy, column: date}")
        if self.format and self.epoch:
            raise ValueError("has `format` and `epoch`; remove one of them")
        if self.expr is not None:
            references(self.expr)
        return self

    @property
    def refers_to(self) -> References:
        """Tell what the expression refers to; a field refers to itself."""
        if self.expr is not None:
            return references(self.expr)
        return References((self.column,) if self.column else self.concat)


class RegionField(StrictModel):
    """The field that holds a country of two letters."""

    column: str = Field(min_length=1, description="Field of the source")


def _known_region(value: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if value not in SUPPORTED_REGIONS:
        hint = did_you_mean(value, SUPPORTED_REGIONS)
        raise ValueError(f"unknown region {value!r}; {hint}")
    return value


Region = Annotated[str, AfterValidator(_known_region)]


class IdentifierConfig(StrictModel):
    """One identifier of a source."""

    column: str | None = Field(default=None, min_length=1, description="Field of the source")
    expr: str | None = Field(
        default=None, min_length=1, description="Spark SQL over the fields, instead of `column`"
    )
    region: Region | RegionField = Field(
        default="CN",
        description="Country of phones without a prefix: CN, or {column: country}, the field that "
        "has it",
    )
    scope: str | None = Field(
        default=None, min_length=1, description="Field that says where the value is unique"
    )
    scope_value: str | None = Field(
        default=None, min_length=1, description="The same as a constant"
    )
    form: Annotated[str, AfterValidator(check_form)] | None = Field(
        default=None, description="How it is normalised; default: by the identifier's type"
    )

    @model_validator(mode="after")
    def _one_origin(self) -> "IdentifierConfig":
        if (self.column is None) == (self.expr is None):
            raise ValueError("needs `column` or `expr`, and not both; write the field's name")
        if self.expr is not None:
            references(self.expr)
        if self.scope and self.scope_value:
            raise ValueError("has `scope` and `scope_value`; remove one of them")
        return self

    def fields(self) -> set[str]:
        """List the fields that the identifier and its scope are read from."""
        origin = references(self.expr).fields if self.expr is not None else (self.column,)
        region = self.region.column if isinstance(self.region, RegionField) else None
        return {name for name in (*origin, self.scope, region) if name}


ColumnEntry = Annotated[
    ColumnConfig, BeforeValidator(_from_name, json_schema_input_type=str | ColumnConfig)
]
IdentifierEntry = Annotated[
    IdentifierConfig, BeforeValidator(_from_name, json_schema_input_type=str | IdentifierConfig)
]
