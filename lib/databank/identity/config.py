"""conf/identity.yml: identifier types, limits and rules made by hand."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from databank.config import Name, StrictModel
from databank.errors import did_you_mean
from databank.identity.entities.config import PERSON, Entity
from databank.identity.linkage.config import LinkageRule

ANY = "any"  # in limits: identifiers of all types together


class Limit(StrictModel):
    """`most`, or `most` seen in the last `days` days. A plain number in YAML is `most`.

    Attributes:
        most: Neighbours, or identifiers, that are allowed.
        days: Only what was seen in so many days counts; None = all.
    """

    most: PositiveInt
    days: PositiveInt | None = None


def _spelled_out(value: Any) -> Any:
    return {"most": value} if isinstance(value, int) and not isinstance(value, bool) else value


Limits = dict[
    str, Annotated[Limit, BeforeValidator(_spelled_out, json_schema_input_type=int | Limit)]
]


class NamedIdentifier(StrictModel):
    """One identifier, in its normalised form."""

    type: Name
    value: str = Field(min_length=1, description="Normalised value, e.g. +8613800000000")
    scope: str = ""

    def names(self) -> tuple[str, str, str]:
        """Give type, scope and value."""
        return self.type, self.scope, self.value


class ReassignedIdentifier(NamedIdentifier):
    """An identifier that is known to have come to another person on a day."""

    day: date


class Reassignment(StrictModel):
    """When an identifier of a type is taken to have passed to another person."""

    silent_days: PositiveInt = Field(description="Days without any sight of it")
    to: tuple[Name, ...] = Field(
        min_length=1,
        description="Types that tell one person from another: after the silence it came with a "
        "different one",
    )


class Blocked(StrictModel):
    """An identifier, or all of a type that match a pattern, that must never link."""

    type: Name
    value: str = ""
    pattern: str = Field(default="", description="Regular expression for the whole value")
    scope: str = ""
    reason: str = Field(default="blocked by hand", min_length=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> "Blocked":
        if bool(self.value) == bool(self.pattern):
            raise ValueError("needs a value or a pattern; give one of them")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"{self.pattern!r} is no pattern: {error}; correct it") from error
        return self


class Pair(StrictModel):
    """Two identifiers of which something is known by hand.

    Attributes:
        a: One identifier.
        b: The identifier beside it.
    """

    a: NamedIdentifier
    b: NamedIdentifier
    reason: str = Field(default="by hand", min_length=1)

    def ends(self) -> frozenset[tuple[str, str, str]]:
        """Give both identifiers, whatever their order."""
        return frozenset(end.names() for end in (self.a, self.b))


class Gates(StrictModel):
    """How much a run may change before an operator has to review it; null = any change passes.

    Attributes:
        moved: The most identifiers that may come to another person_id, as a share (0-1) of those
            that belonged to a person before. A merge moves those of the persons merged away, a
            split those of the parts that get another id, a reassignment the identifier itself,
            for it is another person's on days that were the first one's. An identifier that is
            new, excluded or released moves nothing.
        largest: The most identifiers that one person may hold, reassigned ones included.
    """

    moved: float | None = Field(default=None, ge=0, le=1, strict=True, allow_inf_nan=False)
    largest: int | None = Field(default=None, gt=0, strict=True)


class Tuning(StrictModel):
    """What no result depends on, for machines unlike the ones databank was measured on.

    Attributes:
        local_edges: Rows of forests (an identifier once in every 4,000,000 edges) up to which
            one task finishes the components, at up to 100 bytes each.
        local_profiles: Profiles of a linkage rule up to which DuckDB compares them on the driver;
            Spark compares more.
        pairs_per_profile: Pairs per profile up to which one key of `block_on` is accepted.
    """

    local_edges: PositiveInt = 32_000_000
    local_profiles: PositiveInt = 1_000_000
    pairs_per_profile: PositiveInt = 500


class IdentityConfig(StrictModel):
    """How identifiers become persons.

    Attributes:
        identifiers: Known types, the strongest first; the strongest of a record is its key.
        limits: By type, how many distinct neighbours of another type (or of `any`) an
            identifier may have; one with more is excluded from linking.
        persons: By type (or `any`), how many identifiers a person may have before it is cut at
            its weakest links.
        hub_factor: An identifier with more than so many times the neighbours that 99 of 100 of
            its type have at most is a hub: it is excluded, unless its neighbours are one person
            anyway; null = there are no hubs.
        reassignment: By type, when an identifier is taken to have passed to another person.
            Only identifiers that a limit would exclude are examined.
        reassigned_by_hand: Identifiers that are known to have passed to another person.
        block: Values and patterns that never link.
        ignore_link: Links that records show and that are wrong.
        must_link: Pairs that are one person, whatever the records say.
        cannot_link: Pairs that are never one person.
        linkage: Which profiles are compared, though they share no identifier.
        entities: What else persons belong to, by name: households, accounts.
        gates: How much a run may change before it is refused.
        engine: What finds the components; graphframes needs its jar on the class path.
        tuning: What no result depends on.
    """

    identifiers: tuple[Name, ...] = Field(min_length=1)
    limits: dict[Name, Limits] = Field(default_factory=dict)
    persons: Limits = Field(default_factory=dict)
    hub_factor: PositiveInt | None = None
    reassignment: dict[Name, Reassignment] = Field(default_factory=dict)
    reassigned_by_hand: tuple[ReassignedIdentifier, ...] = ()
    block: tuple[Blocked, ...] = ()
    ignore_link: tuple[Pair, ...] = ()
    must_link: tuple[Pair, ...] = ()
    cannot_link: tuple[Pair, ...] = ()
    linkage: dict[Name, LinkageRule] = Field(default_factory=dict)
    entities: dict[Name, Entity] = Field(default_factory=dict)
    gates: Gates = Gates()
    engine: Literal["databank", "graphframes"] = "databank"
    tuning: Tuning = Tuning()

    @model_validator(mode="after")
    def _known_types(self) -> "IdentityConfig":
        if len(set(self.identifiers)) < len(self.identifiers):
            raise ValueError("identifiers names a type twice; keep the first")
        for kind in sorted(set(self._used_types()) - set(self.identifiers)):
            raise ValueError(
                f"unknown identifier type {kind!r}; {did_you_mean(kind, self.identifiers)}"
            )
        known = (*self.identifiers, *self.entity_types)
        for kind in sorted({blocked.type for blocked in self.block} - set(known)):
            raise ValueError(f"unknown identifier type {kind!r}; {did_you_mean(kind, known)}")
        return self

    @model_validator(mode="after")
    def _entities_have_their_own(self) -> "IdentityConfig":
        if PERSON in self.entities:
            raise ValueError(f"entities: {PERSON} is made by `identifiers`; choose another name")
        for name, rule in self.entities.items():
            for kind in sorted(set(rule.by) & set(self.identifiers)):
                raise ValueError(
                    f"entities.{name}.by: {kind} is in `identifiers`, so that all who share one "
                    "are one person; take it out of one of both"
                )
        return self

    @property
    def entity_types(self) -> tuple[str, ...]:
        """List the types of identifiers that are an entity's and no person's."""
        return tuple(sorted({kind for rule in self.entities.values() for kind in rule.by}))

    @model_validator(mode="after")
    def _no_contradiction(self) -> "IdentityConfig":
        for pair in (*self.must_link, *self.cannot_link, *self.ignore_link):
            if len(pair.ends()) < 2:
                raise ValueError(f"{_shown(pair)} is a pair of one; name two identifiers")
        joined = {pair.ends() for pair in self.must_link}
        for pair in (*self.cannot_link, *self.ignore_link):
            if pair.ends() in joined:
                raise ValueError(f"{_shown(pair)} is in `must_link` too; keep one of both")
        whole = _joined(self.must_link)
        for number, pair in enumerate(self.cannot_link):
            first, last = (whole.get(end.names(), {end.names()}) for end in (pair.a, pair.b))
            if first is last:
                raise ValueError(
                    f"cannot_link[{number}]: `must_link` makes {_shown(pair)} one person by way of "
                    "others; remove it, or one of the pairs between them"
                )
        for number, blocked in enumerate(self.block):
            if (blocked.type, blocked.scope, blocked.value) in whole:
                raise ValueError(
                    f"block[{number}]: a {blocked.type} that `must_link` links; keep one of both"
                )
        return self

    @model_validator(mode="after")
    def _reassignments_have_a_limit(self) -> "IdentityConfig":
        for kind, rule in self.reassignment.items():
            limits = self.limits.get(kind, {})
            if not any(to in limits and limits[to].days is None for to in rule.to):
                raise ValueError(
                    f"reassignment.{kind}: only what exceeds a limit is examined; add "
                    f"{rule.to[0]}: 1, without days, to limits.{kind}"
                )
        days = {(row.names(), row.day) for row in self.reassigned_by_hand}
        if len(days) < len(self.reassigned_by_hand):
            raise ValueError(
                "reassigned_by_hand names an identifier twice for a day; keep one of both"
            )
        return self

    def _used_types(self) -> Iterator[str]:
        yield from self.limits
        for limits in (*self.limits.values(), self.persons):
            yield from (kind for kind in limits if kind != ANY)
        for kind, rule in self.reassignment.items():
            yield from (kind, *rule.to)
        yield from (row.type for row in self.reassigned_by_hand)
        for pair in (*self.ignore_link, *self.must_link, *self.cannot_link):
            yield from (pair.a.type, pair.b.type)


class LinkageConfig(StrictModel):
    """Configuration of the job link_profiles: rules by name, and the tuning of identity.yml."""

    linkage: dict[Name, LinkageRule]
    tuning: Tuning = Tuning()


class EntitiesConfig(StrictModel):
    """The part of identity.yml that resolve_entities takes.

    Attributes:
        entities: By name.
        block: Identifiers of entities that never link.
    """

    entities: dict[Name, Entity]
    block: tuple[Blocked, ...] = ()


def _joined(pairs: Iterable[Pair]) -> dict[tuple[str, str, str], set[tuple[str, str, str]]]:
    """Group identifiers: by each, all that pairs make one with it."""
    whole: dict[tuple[str, str, str], set[tuple[str, str, str]]] = {}
    for pair in pairs:
        merged = set().union(*(whole.get(names, {names}) for names in pair.ends()))
        whole |= dict.fromkeys(merged, merged)
    return whole


def _shown(pair: Pair) -> str:
    # the types only: values are personal data
    return f"a pair of {pair.a.type} and {pair.b.type}"
