"""What a format of sources is: the keys that all formats share, and what each one does."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from databank.config import Name, StrictModel, TimeZone
from databank.errors import did_you_mean
from databank.quality.config import RuleConfig
from databank.sources.forms import FORM_OF_TYPE
from databank.sources.mapping import REQUIRED, TARGETS, ColumnEntry, IdentifierEntry
from databank.sources.references import references
from databank.sources.units import Known, SourceUnit

# formats are configuration too, and that is read without Spark, Arrow or the files of a source
if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from databank.tables.files import Files


class SourceFormat(StrictModel, ABC):
    """One file of conf/sources.

    A format extends this class by its own keys, `format: Literal["its_name"]` among them, and
    says how its units are listed, looked into, read as they are, and opened record by record.
    """

    has_positions: ClassVar[bool] = True  # whether a record has a line or another position

    source: Name = Field(description="Name of the source; a column of every table it reaches")
    format: str = Field(description="Format of what lies there")
    becomes: Literal["events", "profiles", "items"] = Field(description="Table of core")
    columns: dict[Name, ColumnEntry] = Field(
        description="Column -> field or expression; names that core does not have go to props"
    )
    identifiers: dict[Name, IdentifierEntry] = Field(
        default_factory=dict, description="Type of identifier -> field"
    )
    profile: Literal["replaces", "adds"] = Field(
        default="replaces",
        description="Whether a newer profile takes the place of the older one, or adds its fields",
    )
    terminal: str | None = Field(default=None, description="Terminal of all events of the source")
    timezone: TimeZone = Field(
        default="UTC",
        description="Zone of clock times that name none, in fields and in expressions",
    )
    earliest: date | None = Field(
        default=None,
        description="Events of earlier days go to quarantine: their clock was wrong. Without it, "
        "events before 2000, and the few that lie more than a year before all others of the bank",
    )
    null_words: tuple[str, ...] = Field(
        default=(), description="Texts that say that there is no value: NULL, N/A, \\N"
    )
    decimal: Literal[".", ","] = Field(default=".", description="Decimal sign of numbers")
    thousands: Literal[".", ",", "'", " "] | None = Field(
        default=None, description="Sign between the thousands of numbers"
    )
    rules: tuple[RuleConfig, ...] = Field(default=(), description="Conditions on the rows")
    quarantine_limit: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of a load's records that may go to quarantine; above it (and from 20 "
        "records on) the load is refused before anything is published",
    )

    # ---- what a format does

    @property
    def has_header(self) -> bool:
        """Tell whether the first record of a unit names the columns."""
        return False

    @abstractmethod
    def list_units(self, files: "Files", known: Known) -> list[SourceUnit]:
        """List what there is to load, units that were loaded before included or not.

        Args:
            files: Of the bank, which say where its root is.
            known: What raw.file says about the units of this source, by source and name; a format
                with positions begins after the last of them.
        """

    @abstractmethod
    def read_raw(
        self, spark: "SparkSession", units: Sequence[SourceUnit], *, root: str
    ) -> "DataFrame":
        """Read records as they were received.

        Returns:
            source, file (the unit's name), line (bigint; null = no position), fault (null =
            sound), value: the record as text.
        """

    def digest(self, unit: SourceUnit) -> str | None:
        """Hash the content of a unit, to tell a copy from a change; None if the format cannot."""
        return None

    def inspect(self, unit: SourceUnit) -> SourceUnit:
        """Look into a new unit; the unit with its columns, or with the status that refuses it."""
        return unit

    def base(self, root: str) -> str:
        """Give what the names of all units begin with, for a bank at this root."""
        return ""

    def why_empty(self) -> str:
        """Say what is wrong where nothing is listed, and never was; then the remedy."""
        return "there is nothing to load; correct its keys, or remove the source"

    def columns_of(self, first_line: str) -> tuple[str, ...]:
        """Tell the columns of a unit from its first record, for a format whose records lack them.

        Raises:
            UnfitError: If they cannot be told apart.
        """
        return ()

    def open_records(self, records: "DataFrame", columns: Sequence[str]) -> "DataFrame":
        """Read the fields of records, which are JSON objects unless a format says otherwise.

        Args:
            records: _record: struct of file, line, fault, value.
            columns: Of the unit, where the format has a header.

        Returns:
            What `opening.opened` gives.
        """
        from databank.sources.opening import open_json

        return open_json(records, self)

    # ---- what the configuration says

    def form(self, id_type: str) -> str:
        """Tell how an identifier of the source is normalised."""
        return self.identifiers[id_type].form or FORM_OF_TYPE[id_type]

    def checks(self) -> tuple[RuleConfig, ...]:
        """List the rules, and those that required columns stand for."""
        rest = "props" if self.becomes == "events" else "attributes"
        required = []
        for name in (name for name, column in self.columns.items() if column.required):
            value = name if name in TARGETS[self.becomes] else f"{rest}['{name}']"
            rule = {"name": f"no_{name}", "check": f"{value} is not null"}
            required.append(RuleConfig.model_validate(rule))
        return (*required, *self.rules)

    def consumed(self) -> frozenset[str]:
        """List fields that became a column or an identifier, and need not be kept in props."""
        names = {
            name
            for column in self.columns.values()
            for name in (column.column, *column.concat)
            if name is not None
        }
        for identifier in self.identifiers.values():
            names |= identifier.fields()
        return frozenset(names)

    def fields(self) -> tuple[str, ...]:
        """List all fields that the configuration names, in the order of names."""
        names = set(self.consumed())
        for column in self.columns.values():
            names |= set(column.refers_to.fields)
        return tuple(sorted(names))

    @model_validator(mode="after")
    def _columns_fit(self) -> "SourceFormat":
        for name in REQUIRED[self.becomes]:
            if name not in self.columns:
                raise ValueError(
                    f"columns.{name} is missing; {self.becomes} need "
                    f"{', '.join(REQUIRED[self.becomes])}: say which field holds it"
                )
        for name, column in self.columns.items():
            if column.hash and (name != "event_id" or self.becomes != "events"):
                raise ValueError(f"columns.{name}: only event_id can be a hash; name a field")
            if column.hash == "position" and not self.has_positions:
                raise ValueError(
                    f"columns.{name}: rows of {self.format} have no position; write {{hash: row}}"
                )
            given = "epoch" if column.epoch else "format" if column.format else None
            if given and TARGETS[self.becomes].get(name) != "timestamp":
                raise ValueError(
                    f"columns.{name}: `{given}` is for event_ts and updated_ts; drop it"
                )
        if self.becomes != "events" and self.terminal:
            raise ValueError(f"`terminal` belongs to events, not {self.becomes}; remove it")
        if self.becomes != "profiles" and self.profile == "adds":
            raise ValueError(f"`profile` belongs to profiles, not {self.becomes}; remove it")
        if self.terminal and "terminal" in self.columns:
            raise ValueError("`terminal` is given twice; remove it, or columns.terminal")
        return self

    @model_validator(mode="after")
    def _signs_differ(self) -> "SourceFormat":
        if self.decimal == self.thousands:
            raise ValueError(
                f"`decimal` and `thousands` are both {self.decimal!r}; correct one of them"
            )
        return self

    @model_validator(mode="after")
    def _rules_fit(self) -> "SourceFormat":
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("rules: two rules have the same name; rename one")
        rest = "props" if self.becomes == "events" else "attributes"
        known = [*TARGETS[self.becomes], "ids", "id_key", "day", rest]
        for rule in self.rules:
            for name in references(rule.condition).fields:
                if name not in known:
                    hint = did_you_mean(name, known)
                    raise ValueError(f"rules.{rule.name}: unknown column {name!r}; {hint}")
        return self

    @model_validator(mode="after")
    def _identifiers_fit(self) -> "SourceFormat":
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
