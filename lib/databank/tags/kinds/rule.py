"""Rules: a condition over other tags and macros."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from databank.archive.config import TagType
from databank.expressions import Expression, parse_expression
from databank.tags.base import TagBase

if TYPE_CHECKING:
    from pyspark.sql import Column


class RuleTag(TagBase):
    """Yes where a condition over other tags and macros holds."""

    example: ClassVar[str] = "when: logins_30d >= 4"

    kind: Literal["rule"]
    when: str = Field(description="Condition over other tags and macros, in Spark SQL")

    @property
    def type(self) -> TagType:
        """Yes or no."""
        return "boolean"

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The condition."""
        return (parse_expression(self.when),)

    @property
    def conditions(self) -> tuple[Expression, ...]:
        """All of them."""
        return self.expressions

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Evaluate the condition; where it is null it does not hold."""
        from databank.columns import holds

        return holds(self.expressions[0].sql)

    @property
    def definition(self) -> str:
        """The condition in one line."""
        return " ".join(self.when.split())
