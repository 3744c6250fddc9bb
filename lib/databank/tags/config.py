"""conf/tags/*.yml: the library of tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from databank.archive.config import ArchiveConfig, TagType
from databank.archive.refers import Refers
from databank.config import Name, Note, StrictModel, refuse_other_keys
from databank.expressions import (
    Expression,
    Macro,
    Statement,
    parse_expression,
    parse_statement,
    parse_window,
)
from databank.expressions.windows import refuse_hours
from databank.identity.entities.config import PERSON
from databank.tags.kinds import (
    DAYS,
    MEASURES,
    OF_A_PERSON,
    RESERVED,
    SHAPES,
    TEXTS,
    UNKNOWN,
    ZERO_IS_NOTHING,
    Kind,
    macro_of,
    refuse_measure,
)
from databank.tags.list_file import ListFile
from databank.tags.lookup import refuse_other_ways, refuse_unreadable
from databank.tags.national import refuse_untold

Share = Annotated[float, Field(gt=0, lt=1)]


class TagConfig(Refers, StrictModel):
    """One tag; which keys it has depends on its kind."""

    name: Name
    kind: Kind
    entity: Name = Field(
        default=PERSON, description="Whose tag: a person's, or an entity's of identity.yml"
    )
    description: Note = ""
    unit: Note = ""
    owner: Note = ""
    status: Literal["draft", "active", "retired"] = Field(
        default="active", description="A draft is built by --only alone; what is retired never"
    )
    refresh: str | None = Field(
        default=None,
        pattern=r"^[1-9][0-9]* days?$",
        description="Built anew once its values are so old; default: each run. Till then persons "
        "who were merged have them under their former number, and what was erased of a person "
        "may be in them",
    )
    keep_days: int | None = Field(
        default=None, ge=1, description="Values of so many days are kept in tags.history"
    )
    alarm: float | None = Field(
        default=None,
        gt=0,
        description="Told of: how many have it moves by more than this share from run to run",
    )
    event: str | None = Field(
        default=None, pattern=r"^([a-z][a-z0-9_]*|\*)$", description="Event; * for any"
    )
    measure: str | None = Field(
        default=None,
        description=" | ".join(MEASURES) + " | sum, avg, min, max of a dimension that is a number",
    )
    window: str | None = Field(default=None, description="Days or hours looked at, default: ever")
    filter: str | None = Field(
        default=None, description="Spark SQL over terminal and the dimensions of conf/archive.yml"
    )
    when: str | None = Field(default=None, description="Condition over other tags and macros")
    of: Name | None = Field(default=None, description="Tag that is ranked, or looked up")
    identifier: Name | None = Field(
        default=None, description="Type of identity.yml that a list names persons by, not `of`"
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{2}$",
        description="Country of a list's phones without a prefix; default: that of the sources",
    )
    scope: str | None = Field(
        default=None,
        min_length=1,
        description="Where a list's identifiers are unique; default: that of the sources",
    )
    table: str | None = Field(
        default=None,
        pattern=r"^[\w.-]+\.csv$",
        description="File beside this one: a value of the tag, or an identifier, and what it says",
    )
    values: dict[str, str] = Field(
        default_factory=dict, description="The same for values of a tag, written here"
    )
    share: Share | None = Field(default=None, description="Share of those with a value above 0")
    model: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*(@champion)?$")
    bands: dict[Name, Share] = Field(
        default_factory=dict, description="Name -> least score; below all of them there is no row"
    )
    at_least: float | None = Field(
        default=None, gt=0.5, lt=1, description="Least probability of what is said; else: unknown"
    )
    outcomes: tuple[str, str] | None = Field(
        default=None,
        description="What is said if it holds, and if not; default: the model's, or yes and no",
    )
    by: Name | None = Field(default=None, description="Declared dimension of the event")
    k: int | None = Field(
        default=None, ge=1, le=20, description="The first k values, as tags name_1 to name_k"
    )
    rank: int | None = Field(default=None, ge=1, le=20, description="The value of this rank alone")
    value: str | None = Field(default=None, description="Value of the dimension that is preferred")
    minimum: int | None = Field(
        default=None, ge=1, description="Who has fewer events prefers nothing yet; default: 5"
    )
    lift: float | None = Field(
        default=None, ge=1, description="Least multiple of the population's share; default: 1.25"
    )
    attribute: str | None = Field(default=None, description="Attribute of core.profiles")
    sources: tuple[Name, ...] = Field(
        default=(), description="Only profiles of these; the first that says something is believed"
    )
    prefer: Literal["newest", "most frequent"] | None = Field(
        default=None, description="Which value of several; default: newest"
    )
    format: str | None = Field(
        default=None, description="Country and kind of number, as python-stdnum names it: cn.ric"
    )
    fact: Literal["birth_date", "gender", "region"] | None = Field(
        default=None, description="What of the number is wanted"
    )
    select: str | None = Field(
        default=None, description="Spark SQL that gives person_id and value; :day is the run day"
    )
    gives: TagType | None = Field(
        default=None, description="Type of the value of `select`, or of a lookup (default: text)"
    )

    @model_validator(mode="after")
    def _keys_match_kind(self) -> "TagConfig":
        refuse_other_keys(self, SHAPES, what="tag")
        if self.name in RESERVED:
            raise ValueError(f"tag {self.name!r} has the name of a column; choose another name")
        return self

    @model_validator(mode="after")
    def _one_table(self) -> "TagConfig":
        if self.kind == "lookup":
            refuse_other_ways(self)
        refuse_unreadable(self.values, self.gives or "text")
        return self

    @field_validator("outcomes")
    @classmethod
    def _outcomes_differ(cls, value: tuple[str, str] | None) -> tuple[str, str] | None:
        if value is not None and len({*value, UNKNOWN}) < 3:
            raise ValueError(
                f"`outcomes` are {list(value)}; write two that differ, and neither {UNKNOWN!r}"
            )
        return value

    @model_validator(mode="after")
    def _number_tells_it(self) -> "TagConfig":
        if self.format is not None and self.fact is not None:
            refuse_untold(self.format, self.fact)
        return self

    @model_validator(mode="after")
    def _one_rank(self) -> "TagConfig":
        if self.k is not None and self.rank is not None:
            raise ValueError(f"tag {self.name!r}: `k` writes all ranks; remove `rank`")
        return self

    @model_validator(mode="after")
    def _entity_has_it(self) -> "TagConfig":
        told = "list of its own" if self.identifier is not None else self.kind
        if not self.subject.is_person and (self.identifier is not None or self.kind in OF_A_PERSON):
            raise ValueError(
                f"tag {self.name!r}: a {self.entity} has no {told}; make a person's tag of "
                "it, an audience of these persons, and ask in_audience(...)"
            )
        if not self.subject.is_person and self.keep_days is not None:
            raise ValueError(f"tag {self.name!r}: only persons' tags are kept; remove `keep_days`")
        return self

    @model_validator(mode="after")
    def _measure_is_known(self) -> "TagConfig":
        if self.measure is not None:
            refuse_measure(self, self.measure)
        return self

    @field_validator("window")
    @classmethod
    def _window_is_past(cls, value: str | None) -> str | None:
        if value is not None and parse_window(value).text.startswith("next "):
            raise ValueError(f"window {value!r} lies after the run day; write `last ...`")
        return value

    @model_validator(mode="after")
    def _expressions_are_readable(self) -> "TagConfig":
        if self.filter is not None and parse_expression(self.filter).macros:
            raise ValueError(
                f"tag {self.name!r}: `filter` has a macro; use terminal and dimensions only"
            )
        if self.statement is not None:
            lacking = {"person_id", "value"} - set(self.statement.columns)
            if lacking:
                told = " and ".join(f"`{name}`" for name in sorted(lacking))
                raise ValueError(
                    f"tag {self.name!r}: `select` gives no {told}; "
                    "write SELECT person_id, ... AS value FROM ..."
                )
        # read once here, so that its faults are this tag's faults
        self.refuse_what_persons_have()
        return self

    @property
    def told(self) -> str:
        """Its description, and the list that it is read from."""
        if self.identifier is None:
            return self.description
        listed = f"{self.table}, by {self.identifier}"
        return f"{self.description} ({listed})" if self.description else listed

    @property
    def refresh_days(self) -> int:
        """How old its values may get; 0 = it is built by each run."""
        return int(self.refresh.split()[0]) if self.refresh is not None else 0

    @property
    def type(self) -> TagType:
        """What kind of value the tag has, as expressions see it."""
        if self.kind == "measure":
            if self.measure in DAYS:
                return "date"
            summed = str(self.measure).startswith("sum(")
            return "count" if summed or self.measure in ZERO_IS_NOTHING else "number"
        if self.kind == "model":
            return "text" if self.bands else "number"
        if self.fact == "birth_date":
            return "date"
        if self.gives is not None:
            return self.gives
        return "text" if self.kind in TEXTS else "boolean"

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """What the tag needs of a person's frame, macros and tags alike."""
        if self.kind == "rule" and self.when is not None:
            return (parse_expression(self.when),)
        if self.of is not None:
            return (parse_expression(self.of),)
        return tuple(Expression(m.column, m.column, (m,), frozenset()) for m in self._own_macros())

    @cached_property
    def statement(self) -> Statement | None:
        """Its `select`."""
        return parse_statement(self.select) if self.select is not None else None

    def _own_macros(self) -> tuple[Macro, ...]:
        """Measures, preferences and top values are macros with a shorter spelling."""
        window = parse_window(self.window or "ever")
        asked = macro_of(self.measure) if self.kind == "measure" and self.measure else None
        if asked is not None:
            macro, number = asked
            return (Macro(macro, self.event, window, self.filter, by=number or self.by),)
        if self.kind in ("top", "preference"):
            refuse_hours(window, where="top values and preferences")
            return (Macro("events", self.event, window, self.filter, by=self.by),)
        if self.kind in ("model", "probability") and self.model is not None:
            return (Macro("score", target=self.model.partition("@")[0]),)
        return ()


class TagsFile(StrictModel):
    """One file of conf/tags."""

    tags: list[TagConfig] = Field(min_length=1)

    def each(self) -> list[tuple[int, TagConfig]]:
        """Every tag with its place in the file; of one with `k` there is one for each rank."""
        return [(at, one) for at, tag in enumerate(self.tags) for one in _by_rank(tag)]


def _by_rank(tag: TagConfig) -> list[TagConfig]:
    if tag.k is None:
        return [tag]
    keys = tag.model_dump(exclude_unset=True, exclude={"k"})
    return [
        TagConfig.model_validate(keys | {"name": f"{tag.name}_{rank}", "rank": rank})
        for rank in range(1, tag.k + 1)
    ]


@dataclass(frozen=True)
class TagsConfig:
    """What the job needs: the tags of all files, the archive's dimensions, and lists by tag."""

    tags: tuple[TagConfig, ...]
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)
    lists: Mapping[str, ListFile] = field(default_factory=dict)

    @property
    def types(self) -> dict[str, TagType]:
        """Type of each tag by name."""
        return {tag.name: tag.type for tag in self.tags}
