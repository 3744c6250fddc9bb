"""What the fields of a source mean: its columns of core, and its identifiers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from databank.config import StrictModel
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
        "quantity": "decimal(18,3)",
        "amount": "decimal(18,2)",
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
    """Where one column comes from: a field, an expression, an epoch, or a hash for event_id."""

    column: str | None = Field(default=None, min_length=1, description="Field of the source")
    expr: str | None = Field(
        default=None, min_length=1, description="Spark SQL over the fields, which are all text"
    )
    epoch: Literal["seconds", "milliseconds"] | None = Field(
        default=None, description="`column` counts these since 1970"
    )
    hash: Literal["position", "row"] | None = Field(
        default=None,
        description="event_id for sources without one: `position` where a repeated line is "
        "a fact, `row` where it is a repeat",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> "ColumnConfig":
        given = [name for name in ("column", "expr", "hash") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"has {' and '.join(given) or 'no origin'}; write a field's name, {{expr: ...}}, "
                "{epoch: ..., column: ...} or {hash: ...}"
            )
        if self.epoch and not self.column:
            raise ValueError("`epoch` needs `column`; write {epoch: seconds, column: ts}")
        if self.expr is not None:
            references(self.expr)
        return self

    @property
    def refers_to(self) -> References:
        """Tell what the expression refers to; a field refers to itself."""
        if self.expr is not None:
            return references(self.expr)
        return References((self.column,) if self.column else (), conditional=False)


class IdentifierConfig(StrictModel):
    """One identifier of a source."""

    column: str | None = Field(default=None, min_length=1, description="Field of the source")
    expr: str | None = Field(
        default=None, min_length=1, description="Spark SQL over the fields, instead of `column`"
    )
    region: str = Field(
        default="CN", pattern=r"^[A-Z]{2}$", description="Country of phones without a prefix"
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
        return {name for name in (*origin, self.scope) if name}


ColumnEntry = Annotated[
    ColumnConfig, BeforeValidator(_from_name, json_schema_input_type=str | ColumnConfig)
]
IdentifierEntry = Annotated[
    IdentifierConfig, BeforeValidator(_from_name, json_schema_input_type=str | IdentifierConfig)
]
