"""Percentiles: those with the highest values of another tag."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from databank.archive.config import TagType
from databank.archive.refers import PERSONS
from databank.config import Name
from databank.expressions import Expression, parse_expression
from databank.tags.base import Share, Surroundings, TagBase, TagFaultError
from databank.tags.columns import F

if TYPE_CHECKING:
    from pyspark.sql import Column

    from databank.tags.explain import Reason, TagEvidence


class PercentileTag(TagBase):
    """Yes for the share of persons with the highest values of another tag above 0."""

    example: ClassVar[str] = "of: spend_90d, share: 0.20"

    kind: Literal["percentile"]
    of: Name = Field(description="Tag whose values are ranked")
    share: Share = Field(description="Share of those with a value above 0")

    @property
    def type(self) -> TagType:
        """Yes or no."""
        return "boolean"

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The name of the ranked tag."""
        return (parse_expression(self.of),)

    def check(self, around: Surroundings) -> Iterator[TagFaultError]:
        """The ranked tag has to be a number; an unknown one is noted as a reference."""
        kind = around.types.get(self.of)
        if kind is None and self.of == PERSONS and not self.subject.is_person:
            kind = "count"
        if kind not in (None, "count", "number"):
            yield TagFaultError(
                "of",
                f"tag {self.name!r} ranks {self.of}, which is a {kind}; "
                "name a tag that is a number",
            )

    def aggregate(self) -> Column:
        """Threshold of the share, exact and interpolated; null where nobody is above 0."""
        value = F.col(self.of).cast("double")
        return F.percentile(F.when(value > 0, value), F.lit(1 - self.share)).cast("double")

    def column(self, aggregate: Any = None) -> Column:
        """Compare with the threshold."""
        if aggregate is None:
            return F.lit(False)
        value = F.col(self.of)
        return F.coalesce((value > 0) & (value >= F.lit(aggregate)), F.lit(False))

    @property
    def definition(self) -> str:
        """Name the share and the tag."""
        return f"the {self.share:.0%} with the highest {self.of} of those above 0"

    def explain(self, evidence: TagEvidence) -> Iterator[Reason]:
        """Show the value that is ranked, and the threshold that it has to reach."""
        value, threshold = evidence.threshold_of(self.of, self.share)
        columns = ("tag", "value", "threshold")
        rows = [(self.of, value, threshold)]
        yield evidence.reason(f"{self.name}: {self.definition}", columns, rows)
