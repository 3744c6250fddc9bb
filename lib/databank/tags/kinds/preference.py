"""Preferences: what a person does more often than the others, and than chance explains."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from databank.archive.config import Event, TagType
from databank.config import Name
from databank.expressions import Expression, Macro
from databank.tags.base import InputRequest, PastWindow, TagBase
from databank.tags.columns import F, score_column
from databank.tags.kinds.top import archive_days, events_by_value

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_RATE = 0.05  # of the preferences found, so many may be chance


class PreferenceTag(TagBase):
    """Yes where a value's share of the person's events is above the population's, beyond chance."""

    example: ClassVar[str] = "event: read, by: category, value: sport"
    if_empty: ClassVar[str] = "no share is so much larger than others' that it cannot be chance"

    kind: Literal["preference"]
    event: Event
    by: Name = Field(description="Declared dimension of the event")
    value: str = Field(description="Value of the dimension that is preferred")
    window: PastWindow = None
    # of fewer events all could be chance, whatever they are
    minimum: int = Field(
        default=5, ge=1, description="Persons with fewer events have no preference yet"
    )
    # of many events even a tiny difference is no chance, and of no use to anybody
    lift: float = Field(default=1.25, ge=1, description="Least multiple of the population's share")

    @property
    def type(self) -> TagType:
        """Yes or no."""
        return "boolean"

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The events that are compared."""
        return (events_by_value(self.event, self.by, self.window),)

    @property
    def frame_expressions(self) -> tuple[Expression, ...]:
        """None: events are read by value."""
        return ()

    @classmethod
    def read_inputs(
        cls, tags: Sequence["PreferenceTag"], request: InputRequest
    ) -> Sequence["DataFrame"]:
        """Compare the values of all tags in one pass over the archive."""
        if not tags:
            return ()
        days, names = archive_days(request), request.archive.names
        return [preferred_values(days, tags, as_of=request.context.day, dimensions=names)]

    def column(self, aggregates: Sequence[Any] = ()) -> "Column":
        """Yes where there is a lift."""
        return F.col(score_column(self.name)).isNotNull()

    def score(self) -> "Column":
        """The multiple of the population's share."""
        return F.col(score_column(self.name))


def preferred_values(
    archive: "DataFrame", tags: Iterable[PreferenceTag], *, as_of: date, dimensions: Iterable[str]
) -> "DataFrame":
    """Compare each person's share of a value with the population's, and keep what is no chance.

    For each person and value the exact binomial test, one-sided: were the person like everybody,
    how likely would so many of the person's events have the value? What is unlikely happens often
    to many persons, so the rate of false discoveries is held at 5 % over the tests of all persons
    and all values that are met, not of those alone that are tags (Benjamini and Hochberg 1995,
    Controlling the False Discovery Rate, J. R. Stat. Soc. B 57). Persons with few events are left
    out by their number alone, which leaves that rate as it is (Bourgon et al. 2010, Independent
    filtering increases detection power, PNAS 107).

    Cost: one scan of the archive, pruned to the events and days that any tag looks at, a shuffle
    by person and value and one by person; what follows is done on rows that are unlikely.

    Args:
        archive: archive.person_day.
        tags: Tags of kind preference.
        as_of: The day on which windows end.
        dimensions: Declared dimensions.

    Returns:
        person_id (unique), and per tag its `score_column` (double, at least the tag's `lift`;
        null = no preference).
    """
    from pyspark.sql import Window

    from databank.archive.row_filters import any_window, with_dimensions
    from databank.session import checkpoint

    families: dict[tuple[Macro, int], list[PreferenceTag]] = {}
    for tag in tags:
        [macro] = tag.expressions[0].macros
        families.setdefault((macro, tag.minimum), []).append(tag)
    macros = [macro for macro, _ in families]
    entries = F.array_compact(
        F.array(*(_entry(n, *family, as_of) for n, family in enumerate(families)))
    )
    days = with_dimensions(archive, dimensions, as_of).where(any_window(macros, as_of))
    rows = days.select("person_id", "n", F.inline(entries))
    had = rows.groupBy("person_id", "family", "least", "value").agg(F.sum("n").alias("having"))
    every = F.sum("having").over(Window.partitionBy("person_id", "family"))
    had = checkpoint(had.withColumn("every", every))
    unlikely = checkpoint(_tested(had).where(F.col("chance") <= _RATE))
    discoveries = _discoveries(unlikely)
    wanted = [(n, tag) for n, family in enumerate(families.values()) for tag in family]
    return discoveries.groupBy("person_id").agg(*(_lift(n, tag) for n, tag in wanted))


def _entry(n: int, macro: Macro, least: int, as_of: date) -> "Column":
    from databank.archive.row_filters import row_matches

    value = F.col(str(macro.by))
    family = F.struct(F.lit(n).alias("family"), F.lit(least).alias("least"), value.alias("value"))
    return F.when(row_matches(macro, as_of) & value.isNotNull(), family)


def _tested(had: "DataFrame") -> "DataFrame":
    """Test the rows of persons with enough events: chance, lift, tests (of the family in all)."""
    import pandas as pd
    from pyspark.sql import Window
    from pyspark.sql.pandas.functions import pandas_udf

    def chance(having: pd.Series, every: pd.Series, share: pd.Series) -> pd.Series:
        """Compute how likely at least `having` of `every` events are."""
        from scipy.stats import binom

        return pd.Series(binom.sf(having - 1, every, share))

    values = had.groupBy("family", "value").agg(F.sum("having").alias("all"))
    shares = values.select(
        "family",
        "value",
        (F.col("all") / F.sum("all").over(Window.partitionBy("family"))).alias("share"),
        F.count("*").over(Window.partitionBy("family")).alias("values"),
    )
    enough = had.where(F.col("every") >= F.col("least"))
    # a value that a person never had is a test, too: one that finds nothing
    persons = enough.groupBy("family").agg(F.count_distinct("person_id").alias("persons"))
    known = F.broadcast(shares.join(persons, "family"))
    joined = enough.join(known, ["family", "value"])
    # what is deterministic would be computed for the filter, and again for the rows it leaves
    likely = pandas_udf(chance, "double").asNondeterministic()  # type: ignore[call-overload]
    return joined.select(
        "person_id",
        "family",
        "value",
        likely("having", "every", "share").alias("chance"),
        (F.col("having") / F.col("every") / F.col("share")).alias("lift"),
        (F.col("persons") * F.col("values")).alias("tests"),
    )


def _discoveries(unlikely: "DataFrame") -> "DataFrame":
    """Keep the rows of the largest chance that its rank allows, and of all smaller ones."""
    from pyspark.sql import Window

    equal = unlikely.groupBy("family", "tests", "chance").agg(F.count("*").alias("n"))
    rank = F.sum("n").over(Window.partitionBy("family").orderBy("chance"))
    allowed = F.col("chance") <= _RATE * rank / F.col("tests")
    cuts = equal.select("family", "chance", allowed.alias("allowed")).where("allowed")
    cuts = cuts.groupBy("family").agg(F.max("chance").alias("cut"))
    return unlikely.join(F.broadcast(cuts), "family").where("chance <= cut")


def _lift(n: int, tag: PreferenceTag) -> "Column":
    is_it = (F.col("family") == n) & (F.col("value") == tag.value) & (F.col("lift") >= tag.lift)
    return F.max(F.when(is_it, F.col("lift"))).alias(score_column(tag.name))
