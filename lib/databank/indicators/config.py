"""conf/indicators/*.yml: daily figures, retention and funnels."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from databank.archive.config import ArchiveConfig
from databank.config import Name, Note, Shapes, StrictModel, refuse_other_keys
from databank.expressions import Expression, Macro, parse_expression, parse_window
from databank.expressions.windows import refuse_hours

Kind = Literal["active", "new", "returning", "sum", "count", "retention", "funnel"]
Event = Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]*|\*)$")]
# kinds that have a figure for every day, a 0 where nothing happened
DAILY = ("active", "new", "returning", "sum", "count")

_SHAPES: Shapes = {
    "active": (("event",), ("window", "filter", "by"), 'event: "*"'),
    "new": (("event",), ("filter", "by"), 'event: "*"'),
    "returning": (("event",), ("filter", "by"), 'event: "*"'),
    "sum": (("event", "of"), ("filter", "by"), "event: purchase, of: amount"),
    "count": (("event",), ("filter", "by"), "event: purchase"),
    "retention": (("event", "on"), ("back", "filter", "by"), "event: login, on: [1, 7, 30]"),
    "funnel": (
        ("steps", "within"),
        ("filter",),
        "steps: [view_item, add_to_cart, purchase], within: 7 days",
    ),
}
_LAST = re.compile(r"^last ([1-9][0-9]*) (day|week)s?$")
_WITHIN = re.compile(r"^([1-9][0-9]{0,3}) (hour|day)s?$")
# the archive's sums of a day, which a single event of a funnel does not have
_OF_A_DAY = frozenset({"n", "amount", "quantity"})


class IndicatorConfig(StrictModel):
    """One indicator; which keys it has depends on its kind."""

    name: Name
    kind: Kind
    description: Note = ""
    unit: Note = ""
    owner: Note = ""
    status: Literal["draft", "active", "retired"] = Field(
        default="active", description="Only active ones are built; all of them are checked"
    )
    event: Event | None = Field(default=None, description="Event; * for any")
    of: Literal["amount", "quantity"] | None = Field(default=None, description="What is summed")
    window: str | None = Field(
        default=None, description="last N days | weeks, which end with the day; default: the day"
    )
    filter: str | None = Field(
        default=None, description="Spark SQL over terminal and the dimensions of conf/archive.yml"
    )
    by: Name | None = Field(default=None, description="Declared dimension, or terminal")
    back: Event | None = Field(
        default=None, description="What counts as coming back; default: the event, and its filter"
    )
    on: tuple[Annotated[int, Field(le=3660)], ...] = Field(
        default=(), description="Days after the first one"
    )
    steps: tuple[Name, ...] = Field(default=(), description="Events, one after the other")
    within: str | None = Field(
        default=None, description="N hours | days, from the first step to the last"
    )

    @model_validator(mode="after")
    def _keys_match_kind(self) -> "IndicatorConfig":
        if self.kind == "funnel" and self.by is not None:
            raise ValueError(
                f"funnel {self.name!r}: its steps may differ in {self.by!r}; remove `by` and write "
                f"a funnel for each value, with a `filter`"
            )
        refuse_other_keys(self, _SHAPES, what="indicator")
        return self

    @field_validator("window")
    @classmethod
    def _window_has_a_length(cls, value: str | None) -> str | None:
        if value is None:
            return value
        window = parse_window(value)
        refuse_hours(window, where="indicators")
        if _LAST.match(window.text):
            return value
        raise ValueError(
            f"window {value!r} is not of the days that end with each day; write last N days or "
            "last N weeks"
        )

    @field_validator("within")
    @classmethod
    def _within_is_a_length(cls, value: str | None) -> str | None:
        if value is not None and not _WITHIN.match(value):
            raise ValueError(f"`within: {value}` is no length of time; write 24 hours or 7 days")
        return value

    @field_validator("on")
    @classmethod
    def _days_lie_after(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        wrong = [day for day in value if day < 1]
        if wrong:
            raise ValueError(f"day {wrong[0]} is not after the first day; write days from 1 on")
        if len(set(value)) < len(value):
            raise ValueError(f"`on` {list(value)} has a day twice; remove one")
        return value

    @field_validator("steps")
    @classmethod
    def _steps_follow(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) == 1:
            raise ValueError("a funnel of one step is no funnel; write two steps or more")
        runs = [value[0]] + [after for before, after in pairwise(value) if after != before]
        back = next((step for step in runs if runs.count(step) > 1), None)
        if back is not None:
            raise ValueError(
                f"the steps come back to {back!r}; an event can be two steps only where these "
                "follow each other"
            )
        return value

    @model_validator(mode="after")
    def _filter_is_readable(self) -> "IndicatorConfig":
        if self.filter is None:
            return self
        expression = parse_expression(self.filter)
        if expression.macros:
            raise ValueError(
                f"indicator {self.name!r}: `filter` has a macro; use terminal and dimensions only"
            )
        sums = sorted(expression.names & _OF_A_DAY) if self.kind == "funnel" else []
        if sums:
            raise ValueError(
                f"funnel {self.name!r}: `filter` uses {sums[0]!r}, a sum of a day; use terminal "
                "and dimensions only"
            )
        return self

    @property
    def is_daily(self) -> bool:
        """Whether each day has a figure; else it is of those who began on a day."""
        return self.kind in DAILY

    @property
    def days(self) -> int:
        """Days in its window."""
        match = _LAST.match(parse_window(self.window).text) if self.window else None
        return int(match.group(1)) * (7 if match.group(2) == "week" else 1) if match else 1

    @property
    def span(self) -> timedelta:
        """Time that a funnel gives from its first step to its last."""
        match = _WITHIN.match(self.within or "")
        if match is None:
            return timedelta()
        return timedelta(**{f"{match.group(2)}s": int(match.group(1))})

    @property
    def ahead(self) -> int:
        """Days after a day that may change its figures."""
        if self.kind == "funnel":
            # it begins at any time of its day
            return (self.span + timedelta(days=1)).days
        return max(self.on, default=0)

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """What it asks of the archive, for the check of its names."""
        ever = parse_window("ever")
        events = self.steps or (self.event,)
        macros = [Macro("events", event, ever, self.filter, by=self.by) for event in events]
        return tuple(Expression(m.column, m.column, (m,), frozenset()) for m in macros)


class IndicatorsFile(StrictModel):
    """One file of conf/indicators."""

    indicators: list[IndicatorConfig] = Field(min_length=1)


@dataclass(frozen=True)
class IndicatorsConfig:
    """What the job needs: the active indicators of all files, and the archive's dimensions."""

    indicators: tuple[IndicatorConfig, ...]
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)
