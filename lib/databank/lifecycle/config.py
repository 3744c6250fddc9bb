"""conf/lifecycle.yml: stages, the days compared, and RFM."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal

from pydantic import Field, field_validator, model_validator

from databank.archive.config import ArchiveConfig, EventName, TagType
from databank.archive.refers import Refers
from databank.config import Name, Note, StrictModel
from databank.errors import ManyFaultsError
from databank.expressions import Expression, parse_expression, parse_window
from databank.expressions.parse import refuse_day
from databank.expressions.types import Known, type_faults
from databank.expressions.windows import refuse_hours

NONE, NEW, GONE = "none", "new", "gone"
NO_SEGMENT = "other"  # of persons for whom no segment holds
_RFM_NAMES = ("r", "f", "m", "recency_days", "frequency", "monetary")


class StageConfig(StrictModel):
    """One stage; a person is in the highest stage whose condition holds."""

    name: Name
    when: str = Field(description="Condition over macros and tags")
    description: Note = ""

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value in (NONE, NEW, GONE):
            raise ValueError(
                f"stage {value!r} has a meaning in lifecycle.flow; choose another name"
            )
        return value

    @field_validator("when")
    @classmethod
    def _readable(cls, value: str) -> str:
        if any(macro.name == "stage" for macro in parse_expression(value).macros):
            raise ValueError("a stage cannot ask for stage(); write the condition itself")
        return value


class Distinct(StrictModel):
    """Frequency as the number of distinct values of a dimension of the archive.

    Attributes:
        distinct: The dimension.
    """

    distinct: Name


class CutsConfig(StrictModel):
    """Values at which scores change; 4 cuts make scores from 1 to 5."""

    r: list[int] = Field(min_length=1, max_length=9, description="Days, ascending")
    f: list[float] = Field(min_length=1, max_length=9, description="Least counts, ascending")
    m: list[float] | None = Field(default=None, description="Least amounts, ascending")

    @field_validator("r", "f", "m")
    @classmethod
    def _ascending(cls, value: list[float] | None) -> list[float] | None:
        if value is not None and any(low >= high for low, high in pairwise(value)):
            raise ValueError(f"cuts {value} do not ascend; write each larger than the one before")
        return value


class SegmentConfig(StrictModel):
    """A named part of the RFM cube; a person is in the first segment whose condition holds."""

    name: Name
    when: str = Field(description="Condition over r, f, m")

    @field_validator("when")
    @classmethod
    def _over_scores(cls, value: str) -> str:
        expression = parse_expression(value)
        unknown = sorted(expression.names - set(_RFM_NAMES))
        if expression.macros or unknown:
            wrong = unknown[0] if unknown else expression.macros[0].name + "()"
            raise ValueError(f"a segment knows no {wrong!r}; use {', '.join(_RFM_NAMES)}")
        columns = {name: Known(name, "number") for name in _RFM_NAMES}
        faults = list(type_faults(value, columns, condition=True))
        if faults:
            raise ManyFaultsError(faults)
        refuse_day(expression, where="segments")
        return value


class RfmConfig(StrictModel):
    """Recency, frequency and money of one event.

    Attributes:
        event: The event, such as purchase.
        frequency: What is counted: days, or distinct values of a dimension.
        cuts: Where the scores of recency, frequency and money begin.
        segments: Names for combinations of scores; the first that fits counts.
    """

    event: EventName
    frequency: Literal["days"] | Distinct = "days"
    window: str = Field(default="ever", description="Days whose events count")
    also_money: list[EventName] = Field(
        default_factory=list, description="Events whose amounts count too, such as returns"
    )
    cuts: CutsConfig
    segments: list[SegmentConfig] = Field(default_factory=list)

    @field_validator("window")
    @classmethod
    def _past(cls, value: str) -> str:
        window = parse_window(value)
        if window.text.startswith("next "):
            raise ValueError(f"window {value!r} lies after the run day; write `last ...`")
        refuse_hours(window, where="recency, frequency and money")
        return value

    @model_validator(mode="after")
    def _money_has_cuts(self) -> "RfmConfig":
        used = {name for each in self.segments for name in parse_expression(each.when).names}
        if self.cuts.m is None and used & {"m", "monetary"}:
            raise ValueError("a segment asks for m, but cuts have no m; add `m:` to the cuts")
        return self


class LifecycleConfig(Refers, StrictModel):
    """The file: stages, the days that the flow compares, and RFM.

    Attributes:
        rfm: Recency, frequency and money; without it there are no segments.
    """

    stages: list[StageConfig] = Field(min_length=1, description="Lowest first")
    compare_days: int = Field(default=30, ge=1, description="The flow begins so many days before")
    rfm: RfmConfig | None = None

    @field_validator("stages")
    @classmethod
    def _distinct_names(cls, value: list[StageConfig]) -> list[StageConfig]:
        names = [stage.name for stage in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"stage {name!r} is given twice; rename or remove one")
        return value

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """Read the conditions of the stages, lowest first."""
        return tuple(parse_expression(stage.when) for stage in self.stages)

    @property
    def conditions(self) -> tuple[Expression, ...]:
        """All of them."""
        return self.expressions


@dataclass(frozen=True)
class LifecycleJobConfig:
    """Configuration of the job: the file, the archive's dimensions, the types of the tags."""

    lifecycle: LifecycleConfig
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)
    tags: Mapping[str, TagType] = field(default_factory=dict)
