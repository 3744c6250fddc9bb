"""Percentiles: those with the highest values of another tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import ceil
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
    """Yes for the share of persons with the highest values of another tag above 0.

    The share is of those with a value above 0: a sum, a count or an average of 0 or less is no
    value here, as none at all is.
    """

    example: ClassVar[str] = "of: spend_90d, share: 0.20"

    kind: Literal["percentile"]
    of: Name = Field(description="Tag whose values are ranked")
    share: Share = Field(description="Share of those with a value above 0")
    ties: Literal["all", "first"] = Field(
        default="all",
        description="Of persons with the value at which the share ends all are in, so that it may "
        "be a larger one; or the first by person id, so that it is not",
    )

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

    def aggregate(self, earlier: Sequence[Any] = ()) -> Column | None:
        """Find the threshold of the share, who reaches it, and where equal ones are cut off.

        Of `ties: first` the person id up to which they are in; ids are whole numbers, so that the
        percentile at the place of one of them is this one, rounded.
        """
        value = F.col(self.of).cast("double")
        if not earlier:
            above = F.when(value > 0, value)
            threshold = F.percentile(above, F.lit(1 - self.share)).cast("double")
            return F.struct(threshold.alias("threshold"), F.count(above).alias("persons"))
        threshold, persons = earlier[0]
        if threshold is None:
            return None
        if len(earlier) == 1:
            reaches = F.when((value > 0) & (value >= F.lit(threshold)), value)
            return F.struct(F.min(reaches).alias("lowest"), F.count(reaches).alias("persons"))
        lowest, reached = earlier[1]
        if self.ties == "all" or reached == self._wanted(persons):
            return None
        equal = value == F.lit(lowest)
        if len(earlier) == 2:
            return F.count_if(equal)
        if len(earlier) > 3:
            return None
        place = earlier[2] - (reached - self._wanted(persons)) - 1
        at = place / max(earlier[2] - 1, 1)
        return F.percentile(F.when(equal, F.col("person_id")), F.lit(at)).cast("double")

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Compare with the threshold."""
        if not aggregates or aggregates[0]["threshold"] is None:
            return F.lit(False)
        value = F.col(self.of).cast("double")
        is_in = (value > 0) & (value >= F.lit(aggregates[0]["threshold"]))
        if len(aggregates) == 4:
            is_later = F.col("person_id") > F.lit(aggregates[3] + 0.5)
            is_in = is_in & ~((value == F.lit(aggregates[1]["lowest"])) & is_later)
        return F.coalesce(is_in, F.lit(False))

    def report(self, aggregates: Sequence[Any]) -> tuple[dict[str, float], str]:
        """Say which share it is; with equal values it may be another than was asked for."""
        if len(aggregates) < 2:
            return {}, ""
        persons, reached = aggregates[0]["persons"], aggregates[1]["persons"]
        reached = self._wanted(persons) if len(aggregates) == 4 else reached
        share = reached / persons
        figures = {"tag_share": share, "tag_threshold": aggregates[1]["lowest"]}
        at = f"{reached} of {persons} above 0, from {aggregates[1]['lowest']:g}"
        return figures, f"{share:.1%} ({at}; asked {self.share:.1%})"

    def _wanted(self, persons: int) -> int:
        """Count those who are in where no two values are equal."""
        # 1 - 0.2 is a little less than 0.8, and the place of the threshold is as exact as a float
        return persons - ceil(round((persons - 1) * (1 - self.share), 9))

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
