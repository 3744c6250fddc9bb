"""The kinds of indicators, each with its keys: counts of persons, sums, retention, funnels."""

import re
from abc import ABC, abstractmethod
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from databank.archive.config import Event, EventName
from databank.config import Name
from databank.config.kinds import Entry
from databank.expressions import Expression, Macro, parse_expression, parse_window
from databank.expressions.parse import refuse_day
from databank.expressions.windows import refuse_hours

_LAST = re.compile(r"^last ([1-9][0-9]*) (day|week)s?$")
_WITHIN = re.compile(r"^([1-9][0-9]{0,3}) (hour|day)s?$")
# the archive's sums of a day, which a single event of a funnel does not have
_OF_A_DAY = frozenset({"n", "amount", "quantity"})


class IndicatorBase(Entry, ABC):
    """One indicator. A kind extends this class and is registered in `config`."""

    status: Literal["draft", "active", "retired"] = Field(
        default="active", description="Only active ones are built; all of them are checked"
    )
    filter: str | None = Field(
        default=None, description="Spark SQL over terminal and the dimensions of conf/archive.yml"
    )

    @model_validator(mode="after")
    def _filter_is_readable(self) -> Self:
        if self.filter is not None:
            condition = parse_expression(self.filter)
            if condition.macros:
                raise ValueError(
                    f"indicator {self.name!r}: `filter` has a macro; use terminal and dimensions "
                    "only"
                )
            refuse_day(condition, where=f"indicator {self.name!r}: figures of a day")
        return self

    @property
    def ahead(self) -> int:
        """Count the days after a day that may change its figures."""
        return 0

    @property
    @abstractmethod
    def macros(self) -> tuple[Macro, ...]:
        """Say which rows of the archive it reads."""

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """What it asks of the archive, for the check of its names."""
        return tuple(Expression(m.column, m.column, (m,), frozenset()) for m in self.macros)


class EventIndicator(IndicatorBase):
    """An indicator of the rows of one event."""

    event: Event
    by: Name | None = Field(default=None, description="Declared dimension, or terminal")

    @property
    def macros(self) -> tuple[Macro, ...]:
        """The rows of its event."""
        return (Macro("events", self.event, parse_window("ever"), self.filter, by=self.by),)


class DailyIndicator(EventIndicator):
    """An indicator that has a figure for every day, a 0 where nothing happened."""


class ActiveIndicator(DailyIndicator):
    """Persons with the event on the day, or on the days of a window that ends with it."""

    example: ClassVar[str] = 'event: "*"'

    kind: Literal["active"]
    window: str | None = Field(
        default=None, description="last N days | weeks, which end with the day; default: the day"
    )

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

    @property
    def days(self) -> int:
        """Count the days of its window."""
        match = _LAST.match(parse_window(self.window).text) if self.window else None
        return int(match.group(1)) * (7 if match.group(2) == "week" else 1) if match else 1


class NewIndicator(DailyIndicator):
    """Persons who have the event for the first time."""

    example: ClassVar[str] = 'event: "*"'

    kind: Literal["new"]


class ReturningIndicator(DailyIndicator):
    """Persons who have the event, and had it on an earlier day."""

    example: ClassVar[str] = 'event: "*"'

    kind: Literal["returning"]


class SumIndicator(DailyIndicator):
    """The sum of what the events of a day carry."""

    example: ClassVar[str] = "event: purchase, of: amount"

    kind: Literal["sum"]
    of: Literal["amount", "quantity"] = Field(description="What is summed")


class CountIndicator(DailyIndicator):
    """How many events a day has."""

    example: ClassVar[str] = "event: purchase"

    kind: Literal["count"]


class RetentionIndicator(EventIndicator):
    """Share of those whose first day it is who come back on later days."""

    example: ClassVar[str] = "event: login, on: [1, 7, 30]"

    kind: Literal["retention"]
    on: tuple[Annotated[int, Field(le=3660)], ...] = Field(
        min_length=1, description="Days after the first one"
    )
    back: Event | None = Field(
        default=None, description="What counts as coming back; default: the event, and its filter"
    )

    @field_validator("on")
    @classmethod
    def _days_lie_after(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        wrong = [day for day in value if day < 1]
        if wrong:
            raise ValueError(f"day {wrong[0]} is not after the first day; write days from 1 on")
        if len(set(value)) < len(value):
            raise ValueError(f"`on` {list(value)} has a day twice; remove one")
        return value

    @property
    def ahead(self) -> int:
        """Look as far as the last day of coming back."""
        return max(self.on)


class FunnelIndicator(IndicatorBase):
    """How many of those who begin on a day reach each step, in order and in time.

    It has no `by`, for its steps may differ in it; write a funnel for each value, with a `filter`.
    """

    example: ClassVar[str] = "steps: [view_item, add_to_cart, purchase], within: 7 days"

    kind: Literal["funnel"]
    steps: tuple[EventName, ...] = Field(description="Events, one after the other")
    within: str = Field(description="N hours | days, from the first step to the last")

    @field_validator("within")
    @classmethod
    def _within_is_a_length(cls, value: str) -> str:
        if not _WITHIN.match(value):
            raise ValueError(f"`within: {value}` is no length of time; write 24 hours or 7 days")
        return value

    @field_validator("steps")
    @classmethod
    def _steps_follow(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) < 2:
            raise ValueError("a funnel of one step is no funnel; write two steps or more")
        runs = [value[0]] + [after for before, after in pairwise(value) if after != before]
        repeated = next((step for step in runs if runs.count(step) > 1), None)
        if repeated is not None:
            raise ValueError(
                f"the steps come back to {repeated!r}; an event can be two steps only where these "
                "follow each other"
            )
        return value

    @model_validator(mode="after")
    def _filter_fits_events(self) -> Self:
        if self.filter is not None:
            sums = sorted(parse_expression(self.filter).names & _OF_A_DAY)
            if sums:
                raise ValueError(
                    f"funnel {self.name!r}: `filter` uses {sums[0]!r}, a sum of a day; use "
                    "terminal and dimensions only"
                )
        return self

    @property
    def span(self) -> timedelta:
        """Give the time from its first step to its last."""
        count, unit = self.within.rstrip("s").split(" ")
        return timedelta(**{f"{unit}s": int(count)})

    @property
    def ahead(self) -> int:
        """Look as far as a chain may reach that begins at the end of its day."""
        return (self.span + timedelta(days=1)).days

    @property
    def macros(self) -> tuple[Macro, ...]:
        """The rows of its steps."""
        return tuple(Macro("events", s, parse_window("ever"), self.filter) for s in self.steps)
