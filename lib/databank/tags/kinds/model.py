"""Model tags: the score of a model, or the band in which it lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from databank.archive.config import TagType
from databank.config import Name
from databank.expressions import Expression, Macro
from databank.tags.base import Share, TagBase
from databank.tags.columns import F

if TYPE_CHECKING:
    from pyspark.sql import Column

    from databank.tags.explain import Reason, TagEvidence

ModelName = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*(@champion)?$", description="Model whose champion scores")
]


def score_expression(model: str) -> Expression:
    """Write `score('model')`, by which a tag asks for a model's scores."""
    macro = Macro("score", target=model.partition("@")[0])
    return Expression(macro.column, macro.column, (macro,), frozenset())


class ModelTag(TagBase):
    """The calibrated score of a model; with `bands`, the name of the band it lies in."""

    example: ClassVar[str] = "model: churn@champion"
    if_empty: ClassVar[str] = "nobody has a score; score_model comes before"
    persons_only: ClassVar[bool] = True

    kind: Literal["model"]
    model: ModelName
    bands: dict[Name, Share] = Field(
        default_factory=dict, description="Name -> least score; below all of them there is no row"
    )

    @property
    def type(self) -> TagType:
        """A text with bands, else a number."""
        return "text" if self.bands else "number"

    @property
    def possible_values(self) -> frozenset[str] | None:
        """The bands."""
        return frozenset(self.bands) if self.bands else None

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The score."""
        return (score_expression(self.model),)

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Take the score, or the highest band that it reaches."""
        value = self._score()
        if not self.bands:
            return value
        band = F.lit(None).cast("string")
        for name, least in sorted(self.bands.items(), key=lambda item: item[1]):
            band = F.when(value >= least, F.lit(name)).otherwise(band)
        return band

    def score(self) -> Column | None:
        """The score beside its band."""
        return self._score() if self.bands else None

    def _score(self) -> Column:
        return F.col(self.expressions[0].sql).cast("double")

    def explain(self, evidence: TagEvidence) -> Iterator[Reason]:
        """Show the bands, the highest first, and the score."""
        if self.bands:
            rows = sorted(self.bands.items(), key=lambda band: -band[1])
            title = f"{self.name}: the highest band that the score reaches"
            yield evidence.reason(title, ("band", "threshold"), rows)
        yield from evidence.of_macros(self)
