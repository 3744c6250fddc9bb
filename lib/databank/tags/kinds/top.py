"""Top values: the category a person buys most, the shop most visited, the usual hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from databank.archive.config import Event, TagType
from databank.config import Name
from databank.expressions import Expression, Macro, parse_window
from databank.expressions.windows import refuse_hours
from databank.tags.base import EventFilter, InputRequest, PastWindow, TagBase
from databank.tags.columns import F, input_column, score_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from databank.tags.explain import Reason, TagEvidence

# what values are ranked by
_RANKING = ("count", "sum(amount)", "days")


class TopTag(TagBase):
    """The value of a dimension that the person's events have most."""

    example: ClassVar[str] = "event: purchase, by: category"
    if_empty: ClassVar[str] = "check its event, its window and its dimension"

    kind: Literal["top"]
    event: Event
    by: Name = Field(description="Declared dimension of the event")
    measure: str = Field(default="count", description=" | ".join(_RANKING))
    window: PastWindow = None
    filter: EventFilter = None
    k: int | None = Field(
        default=None, ge=1, le=20, description="The first k values, as tags name_1 to name_k"
    )
    rank: int | None = Field(default=None, ge=1, le=20, description="The value of this rank alone")

    @model_validator(mode="after")
    def _ranking_is_known(self) -> Self:
        if self.k is not None and self.rank is not None:
            raise ValueError(f"tag {self.name!r}: `k` writes all ranks; remove `rank`")
        if self.measure not in _RANKING:
            raise ValueError(
                f"tag {self.name!r}: values are not ranked by {self.measure!r}; "
                f"write one of: {', '.join(_RANKING)}"
            )
        return self

    @property
    def type(self) -> TagType:
        """A text."""
        return "text"

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The events that are ranked."""
        return (events_by_value(self.event, self.by, self.window, self.filter),)

    @property
    def frame_expressions(self) -> tuple[Expression, ...]:
        """None: events are read by value."""
        return ()

    def expanded(self) -> Sequence[TagBase]:
        """Make a tag of each rank up to k."""
        if self.k is None:
            return [self]
        keys = self.model_dump(exclude_unset=True, exclude={"k"})
        return [
            TopTag.model_validate(keys | {"name": f"{self.name}_{rank}", "rank": rank})
            for rank in range(1, self.k + 1)
        ]

    @classmethod
    def read_inputs(cls, tags: Sequence[TopTag], request: InputRequest) -> Sequence[DataFrame]:
        """Rank the values of all tags in one pass over the archive."""
        if not tags:
            return ()
        days, names = archive_days(request), request.archive.names
        return [top_values(days, tags, as_of=request.context.day, dimensions=names)]

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Take the value."""
        return F.col(input_column(self.name))

    def score(self) -> Column:
        """The measure of the value."""
        return F.col(score_column(self.name))

    def explain(self, evidence: TagEvidence) -> Iterator[Reason]:
        """Show the values in the order in which the tag ranks them."""
        yield from evidence.of_macros(self, ranked_by=self.measure)


def events_by_value(event: str, by: str, window: str | None, text: str | None = None) -> Expression:
    """Ask for the events of whole days by value of a dimension.

    Raises:
        ValueError: If the window is one of hours.
    """
    days = parse_window(window or "ever")
    refuse_hours(days, where="top values and preferences")
    macro = Macro("events", event, days, text, by=by)
    return Expression(macro.column, macro.column, (macro,), frozenset())


def archive_days(request: InputRequest) -> DataFrame:
    """Read archive.person_day, by the entity of the build."""
    from databank.archive.tables import PERSON_DAY

    store = request.context.store
    return request.subject.in_place_of_persons(store, store.read(PERSON_DAY))


def top_values(
    archive: DataFrame, tags: Iterable[TopTag], *, as_of: date, dimensions: Iterable[str]
) -> DataFrame:
    """Find the value of each rank, by the measure of the tag.

    Of equal values the one that sorts first is taken; what measures nothing (a category all of
    which was brought back, say) is none. Cost: one scan of the archive, pruned to the events and
    days that any tag looks at, a shuffle by person and value, and one by person.

    Args:
        archive: archive.person_day.
        tags: Tags of kind top; those that differ by rank alone share their work.
        as_of: The day on which windows end.
        dimensions: Declared dimensions.

    Returns:
        person_id (unique), and per tag its `input_column` (string, null = has no such value) and
        `score_column` (double, the measure).
    """
    from databank.archive.row_filters import any_window, with_dimensions

    groups: dict[tuple[Macro, str], list[TopTag]] = {}
    for tag in tags:
        [macro] = tag.expressions[0].macros
        groups.setdefault((macro, tag.measure), []).append(tag)
    macros = [macro for macro, _ in groups]
    entries = F.array_compact(F.array(*(_entry(n, macro, as_of) for n, macro in enumerate(macros))))
    days = with_dimensions(archive, dimensions, as_of).where(any_window(macros, as_of))
    rows = days.select("person_id", "day", "n", "amount", F.inline(entries))
    values = rows.groupBy("person_id", "top", "value").agg(
        F.sum("n").cast("double").alias("count"),
        F.sum("amount").cast("double").alias("sum(amount)"),
        F.size(F.collect_set("day")).cast("double").alias("days"),
    )
    rankings = values.groupBy("person_id").agg(
        *(_ranking(n, measure).alias(f"_top_{n}") for n, (_, measure) in enumerate(groups))
    )
    columns = [
        column
        for n, group in enumerate(groups.values())
        for tag in group
        for column in _value_and_measure(tag, F.col(f"_top_{n}"))
    ]
    return rankings.select("person_id", *columns)


def _entry(n: int, macro: Macro, as_of: date) -> Column:
    from databank.archive.row_filters import row_matches

    value = F.col(str(macro.by))
    entry = F.struct(F.lit(n).alias("top"), value.alias("value"))
    return F.when(row_matches(macro, as_of) & value.isNotNull(), entry)


def _ranking(n: int, measure: str) -> Column:
    """Sort the values of one group, the highest first."""
    amount = F.col(f"`{measure}`")
    entry = F.struct((-amount).alias("less"), F.col("value"))
    return F.sort_array(F.collect_list(F.when((F.col("top") == n) & (amount > 0), entry)))


def _value_and_measure(tag: TopTag, ranking: Column) -> tuple[Column, Column]:
    entry = F.get(ranking, F.lit((tag.rank or 1) - 1))
    return (
        entry["value"].alias(input_column(tag.name)),
        (-entry["less"]).alias(score_column(tag.name)),
    )
