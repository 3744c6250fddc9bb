"""Measures: how often, how much, on how many days; of events in a window."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from databank.archive.config import Event, TagType
from databank.config import Name
from databank.expressions import Expression, Macro, parse_window
from databank.expressions.macros import measure_macro, measures
from databank.tags.base import EventFilter, PastWindow, TagBase
from databank.tags.columns import F

if TYPE_CHECKING:
    from pyspark.sql import Column


class MeasureTag(TagBase):
    """A number or a day made of the events of a window."""

    example: ClassVar[str] = "event: login, measure: count"
    if_empty: ClassVar[str] = "check its event, its window and its filter"

    kind: Literal["measure"]
    event: Event
    measure: str = Field(
        description=" | ".join(measures()) + " | sum, avg, min, max of a dimension that is a number"
    )
    window: PastWindow = None
    filter: EventFilter = None
    by: Name | None = Field(
        default=None, description="Declared dimension whose values `distinct` counts"
    )

    @field_validator("measure")
    @classmethod
    def _measure_is_known(cls, value: str) -> str:
        if measure_macro(value) is None:
            raise ValueError(
                f"unknown measure {value!r}; write one of: {', '.join(measures())}, or sum, avg, "
                "min, max of a dimension that is a number"
            )
        return value

    @model_validator(mode="after")
    def _measure_fits_other_keys(self) -> Self:
        if (self.measure == "distinct") != (self.by is not None):
            raise ValueError(
                f"tag {self.name!r}: `by` names the dimension whose values are counted; "
                "write measure: distinct, by: category"
            )
        if self.measure == "recency" and self.window is not None:
            raise ValueError(f"tag {self.name!r}: recency looks at the whole past; remove `window`")
        return self

    @property
    def type(self) -> TagType:
        """A date for a day; a count where nothing counts as 0; else a number."""
        spec = self.expressions[0].macros[0].spec
        if spec.type == "date":
            return "date"
        return "number" if spec.empty is None else "count"

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The macro of which the measure is a shorter spelling."""
        known = measure_macro(self.measure)
        if known is None:
            raise ValueError(f"unknown measure {self.measure!r}")
        spec, number = known
        window = parse_window(self.window or "ever")
        macro = Macro(spec.name, self.event, window, self.filter, by=number or self.by)
        return (Expression(macro.column, macro.column, (macro,), frozenset()),)

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Take the macro's value."""
        value = F.col(self.expressions[0].sql)
        return value if self.type == "date" else value.cast("double")
