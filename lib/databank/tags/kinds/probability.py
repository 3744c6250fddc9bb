"""Probabilities: what a model says of a person, where it is sure enough."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator

from databank.archive.config import TagType
from databank.expressions import Expression
from databank.tags.base import Surroundings, TagBase
from databank.tags.columns import F
from databank.tags.kinds.model import ModelName, score_expression

if TYPE_CHECKING:
    from pyspark.sql import Column

_NO_WORDS = ("yes", "no")  # outcomes that nobody has named
UNKNOWN = "unknown"  # of persons who could be either


class ProbabilityTag(TagBase):
    """Which of two outcomes a model finds likely enough; `unknown` for who could be either."""

    example: ClassVar[str] = "model: gender_from_name, at_least: 0.9"
    if_empty: ClassVar[str] = "nobody has a score; score_model comes before"
    persons_only: ClassVar[bool] = True

    kind: Literal["probability"]
    model: ModelName
    at_least: float = Field(
        gt=0.5, lt=1, description="Least probability of an outcome; below it: unknown"
    )
    outcomes: tuple[str, str] | None = Field(
        default=None,
        description="Value if it holds, and if not; default: those of the model, or yes and no",
    )

    @field_validator("outcomes")
    @classmethod
    def _outcomes_differ(cls, value: tuple[str, str] | None) -> tuple[str, str] | None:
        if value is not None and len({*value, UNKNOWN}) < 3:
            raise ValueError(
                f"`outcomes` are {list(value)}; write two that differ, and neither {UNKNOWN!r}"
            )
        return value

    @property
    def type(self) -> TagType:
        """A text."""
        return "text"

    @property
    def possible_values(self) -> frozenset[str]:
        """The outcomes, and what is said of who could be either."""
        return frozenset([*(self.outcomes or _NO_WORDS), UNKNOWN])

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The score."""
        return (score_expression(self.model),)

    def completed(self, folder: Path, around: Surroundings) -> Self:
        """Take the words of the model where the tag has none of its own."""
        outcomes = around.outcomes.get(self.model.partition("@")[0])
        return self if self.outcomes else self.model_copy(update={"outcomes": outcomes})

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Choose the outcome that is likely enough; null without a score."""
        score, enough = F.col(self.expressions[0].sql), F.lit(self.at_least)
        so, not_so = (F.lit(each) for each in self.outcomes or _NO_WORDS)
        outcome = F.when(score >= enough, so).when(1 - score >= enough, not_so)
        return F.when(score.isNotNull(), outcome.otherwise(F.lit(UNKNOWN)))

    def score(self) -> Column:
        """The probability of the likelier outcome."""
        score = F.col(self.expressions[0].sql).cast("double")
        return F.greatest(score, 1 - score)
