"""Attributes: what profiles say of a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from databank.archive.config import TagType
from databank.config import Name
from databank.tags.base import InputRequest, KindClass, TagBase
from databank.tags.columns import F, input_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from databank.tags.explain import Reason, TagEvidence


class ProfileTag(TagBase):
    """Base of kinds that read one attribute of profiles; all of them share one pass."""

    persons_only: ClassVar[bool] = True

    attribute: str = Field(description="Attribute of core.profiles")
    sources: tuple[Name, ...] = Field(
        default=(), description="Only profiles of these; the first that has a value is believed"
    )

    @property
    def chosen(self) -> str:
        """Which of several values is believed: `newest` or `most frequent`."""
        return "newest"

    @classmethod
    def input_group(cls) -> KindClass:
        """Share the pass over profiles with the other kinds that read them."""
        return ProfileTag

    @classmethod
    def read_inputs(cls, tags: Sequence[ProfileTag], request: InputRequest) -> Sequence[DataFrame]:
        """Read the attributes of all tags in one pass."""
        if not tags:
            return ()
        store = request.context.store
        values = person_attributes(
            store.require("core.profiles"),
            store.require("identity.person"),
            tags,
            as_of=request.context.day,
            timezone=request.context.settings.timezone,
        )
        return [values]

    def reads(self, as_of: date) -> Iterator[tuple[str, str]]:
        """Name the attribute, and which value is believed."""
        yield "core.profiles", f"{self.attribute}, {self.chosen}"

    def explain(self, evidence: TagEvidence) -> Iterator[Reason]:
        """Show the profiles of the person that have the attribute."""
        trust = f", by {', then '.join(self.sources)}" if self.sources else ""
        title = f"{self.name}: {self.attribute}, {self.chosen}{trust}"
        yield evidence.of_profiles(title, self.attribute, self.sources)


class AttributeTag(ProfileTag):
    """An attribute of the person's profiles, as a text."""

    example: ClassVar[str] = "attribute: city"
    if_empty: ClassVar[str] = "no profile says it; check its attribute and its sources"

    kind: Literal["attribute"]
    prefer: Literal["newest", "most frequent"] = Field(
        default="newest", description="Which of several values is believed"
    )

    @property
    def type(self) -> TagType:
        """A text."""
        return "text"

    @property
    def chosen(self) -> str:
        """As `prefer` says."""
        return self.prefer

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Take the value."""
        return F.col(input_column(self.name))


def person_attributes(
    profiles: DataFrame,
    persons: DataFrame,
    tags: Sequence[ProfileTag],
    *,
    as_of: date,
    timezone: str,
) -> DataFrame:
    """Choose the value of each attribute that a person is believed to have.

    A profile belongs to the person who had its strongest identifier when it was updated. Of several
    values that of the source named first is believed, then the newest, or the one that most
    profiles say (and of these the newest). Between values of the same instant the higher (source,
    record_id) wins, so that the order of rows never does.

    Args:
        profiles: core.profiles.
        persons: identity.person.
        tags: Tags that read an attribute.
        as_of: Run day; profiles updated later are not seen, one without a time counts as oldest.
        timezone: Business time zone of `as_of`.

    Returns:
        person_id (unique), and per tag its `input_column` (string, null = unknown).

    Raises:
        MissingColumnsError: If a column is missing.
    """
    from databank.identity.attach import profiles_of_persons

    rows = profiles_of_persons(profiles, persons, as_of=as_of, timezone=timezone)
    newest = [tag for tag in tags if tag.chosen == "newest"]
    frequent = [tag for tag in tags if tag.chosen == "most frequent"]
    # a person without any profile has no row in either
    values = rows.groupBy("person_id").agg(*(_newest(tag) for tag in newest), F.lit(1).alias("_"))
    if frequent:
        values = values.join(_most_frequent(rows, frequent), "person_id", "left")
    return values.drop("_")


def _newest(tag: ProfileTag) -> Column:
    from databank.identity.attach import PROFILE_ORDER

    # null sorts below every time
    order = F.when(_usable(tag), F.struct(_trust(tag), *PROFILE_ORDER))
    return F.max_by(_value(tag), order).alias(input_column(tag.name))


def _most_frequent(profiles: DataFrame, tags: Sequence[ProfileTag]) -> DataFrame:
    """Choose the values that most profiles have: person_id and a column per tag, in one shuffle."""
    from databank.identity.attach import PROFILE_ORDER

    entries = F.array_compact(
        F.array(
            *(
                F.when(
                    _usable(tag),
                    F.struct(
                        F.lit(tag.name).alias("tag"),
                        _value(tag).alias("value"),
                        _trust(tag).alias("trust"),
                        F.struct(*PROFILE_ORDER).alias("age"),
                    ),
                )
                for tag in tags
            )
        )
    )
    rows = profiles.select("person_id", F.inline(entries))
    values = rows.groupBy("person_id", "tag", "trust", "value").agg(
        F.count("*").alias("n"), F.max("age").alias("age")
    )
    order = F.struct("trust", "n", "age")
    return values.groupBy("person_id").agg(
        *(
            F.max_by("value", F.when(F.col("tag") == tag.name, order)).alias(input_column(tag.name))
            for tag in tags
        )
    )


def _value(tag: ProfileTag) -> Column:
    from databank.identity.attach import profile_attribute

    return profile_attribute(tag.attribute)


def _usable(tag: ProfileTag) -> Column:
    known = _value(tag).isNotNull()
    return known & F.col("source").isin(*tag.sources) if tag.sources else known


def _trust(tag: ProfileTag) -> Column:
    """Rank a source, the higher the earlier the tag names it."""
    trust = F.lit(0)
    for rank, source in enumerate(reversed(tag.sources), 1):
        trust = F.when(F.col("source") == source, F.lit(rank)).otherwise(trust)
    return trust.alias("trust")
