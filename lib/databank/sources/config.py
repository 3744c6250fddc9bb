"""conf/sources/*.yml: where a source lies, what it becomes, and which field means what."""

import codecs
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from databank.config import Name, StrictModel, TimeZone
from databank.errors import did_you_mean
from databank.quality.config import RuleConfig
from databank.sources.forms import FORM_OF_TYPE, check_form
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
    """A bare text names a field of the source."""
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
        """What the expression refers to; a field refers to itself."""
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
        """Fields that the identifier and its scope are read from."""
        origin = references(self.expr).fields if self.expr is not None else (self.column,)
        return {name for name in (*origin, self.scope) if name}


ColumnEntry = Annotated[
    ColumnConfig, BeforeValidator(_from_name, json_schema_input_type=str | ColumnConfig)
]
IdentifierEntry = Annotated[
    IdentifierConfig, BeforeValidator(_from_name, json_schema_input_type=str | IdentifierConfig)
]


class SourceConfig(StrictModel):
    """One file of conf/sources."""

    source: Name = Field(description="Name of the source; a column of every table it reaches")
    format: Literal["csv", "json", "parquet", "delta"] = Field(
        description="json: one object a line; csv, json may be gzipped (.gz)"
    )
    path: str = Field(min_length=1, description="Files, with * and ?; relative to --root")
    becomes: Literal["events", "profiles", "items"] = Field(description="Table of core")
    columns: dict[Name, ColumnEntry] = Field(
        description="Column -> field or expression; names that core does not have go to props"
    )
    identifiers: dict[Name, IdentifierEntry] = Field(
        default_factory=dict, description="Type of identifier -> field"
    )
    terminal: str | None = Field(default=None, description="Terminal of all events of the source")
    timezone: TimeZone = Field(default="UTC", description="Zone of clock times that name none")
    earliest: date = Field(
        default=date(2000, 1, 1), description="Events of earlier days have a wrong clock"
    )
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="csv only")
    encoding: str = Field(default="utf-8", description="csv and json only")
    rules: tuple[RuleConfig, ...] = Field(default=(), description="Conditions on the rows")

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str) -> str:
        try:
            plain = codecs.encode("\n", value) == b"\n"
        except LookupError:
            raise ValueError(f"unknown encoding {value!r}; write utf-8, gb18030 ...") from None
        if not plain:
            raise ValueError(f"{value!r} does not end lines by one byte; convert it to utf-8")
        return codecs.lookup(value).name

    @field_validator("path")
    @classmethod
    def _no_deep_glob(cls, value: str) -> str:
        if "**" in value:
            raise ValueError("`**` is not supported; write one * for each folder")
        return value

    @model_validator(mode="after")
    def _columns_fit(self) -> "SourceConfig":
        for name in REQUIRED[self.becomes]:
            if name not in self.columns:
                raise ValueError(
                    f"columns.{name} is missing; {self.becomes} need "
                    f"{', '.join(REQUIRED[self.becomes])}: say which field holds it"
                )
        for name, column in self.columns.items():
            if column.hash and (name != "event_id" or self.becomes != "events"):
                raise ValueError(f"columns.{name}: only event_id can be a hash; name a field")
            if column.hash == "position" and self.format in ("parquet", "delta"):
                raise ValueError(
                    f"columns.{name}: rows of {self.format} have no position; write {{hash: row}}"
                )
            if column.epoch and TARGETS[self.becomes].get(name) != "timestamp":
                raise ValueError(f"columns.{name}: `epoch` is for event_ts and updated_ts; drop it")
        if self.becomes != "events" and self.terminal:
            raise ValueError(f"`terminal` belongs to events, not {self.becomes}; remove it")
        if self.terminal and "terminal" in self.columns:
            raise ValueError("`terminal` is given twice; remove it, or columns.terminal")
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("rules: two rules have the same name; rename one")
        return self

    @model_validator(mode="after")
    def _rules_fit(self) -> "SourceConfig":
        rest = "props" if self.becomes == "events" else "attributes"
        known = [*TARGETS[self.becomes], "ids", "id_key", "day", rest]
        for rule in self.rules:
            for name in references(rule.check).fields:
                if name not in known:
                    hint = did_you_mean(name, known)
                    raise ValueError(f"rules.{rule.name}: unknown column {name!r}; {hint}")
        return self

    @model_validator(mode="after")
    def _identifiers_fit(self) -> "SourceConfig":
        if self.becomes == "items" and self.identifiers:
            raise ValueError("items have no identifiers of persons; remove `identifiers`")
        for name, identifier in self.identifiers.items():
            if identifier.form is None and name not in FORM_OF_TYPE:
                raise ValueError(
                    f"identifiers.{name}: unknown type; {did_you_mean(name, FORM_OF_TYPE)} "
                    "(or add `form: text`)"
                )
            scoped = identifier.scope or identifier.scope_value
            if self.form(name) == "scoped" and not scoped:
                raise ValueError(
                    f"identifiers.{name}: needs `scope`, the field that names the app "
                    "(or `scope_value`, its id)"
                )
        return self

    def form(self, id_type: str) -> str:
        """How an identifier of the source is normalised."""
        return self.identifiers[id_type].form or FORM_OF_TYPE[id_type]

    def consumed(self) -> frozenset[str]:
        """Fields that became a column or an identifier, and so need not be kept in props."""
        found = {column.column for column in self.columns.values() if column.column}
        for identifier in self.identifiers.values():
            found |= identifier.fields()
        return frozenset(found)

    def fields(self) -> tuple[str, ...]:
        """All fields that the configuration names, in the order of names."""
        found = set(self.consumed())
        for column in self.columns.values():
            found |= set(column.refers_to.fields)
        return tuple(sorted(found))


class SourcesConfig(StrictModel):
    """What the ingest job is given.

    Attributes:
        sources: In any order.
        identifier_order: Types of identifiers, strongest first (conf/identity.yml).
        entity_types: Types that are an entity's (a household's, an account's) and no person's.
    """

    sources: tuple[SourceConfig, ...]
    identifier_order: tuple[str, ...]
    entity_types: tuple[str, ...] = ()

    def rank(self, id_type: str) -> tuple[int, str]:
        """Sort key by strength; types that the order leaves out come last."""
        order = self.identifier_order
        return (order.index(id_type) if id_type in order else len(order), id_type)
