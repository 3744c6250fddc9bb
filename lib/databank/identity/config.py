"""conf/identity.yml: identifier types, limits and hand-made rules."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from databank.config import Name, StrictModel
from databank.errors import did_you_mean


class BlockedValue(StrictModel):
    """An identifier that must never link, by hand."""

    type: Name
    value: str = Field(min_length=1, description="Normalised value, e.g. +8613800000000")
    scope: str = ""
    reason: str = Field(default="blocked by hand", min_length=1)


class IdentityConfig(StrictModel):
    """How identifiers become persons.

    Attributes:
        identifiers: Known types, the strongest first; the strongest of a record is its key.
        limits: By type, how many distinct neighbours of another type (or of `any`) an
            identifier may have before it is set aside.
        block: Values that never link.
        local_edges: Edges up to which the components are finished in one task.
        engine: What finds the components; graphframes needs its jar on the class path.
    """

    identifiers: tuple[Name, ...] = Field(min_length=1)
    limits: dict[Name, dict[str, PositiveInt]] = Field(default_factory=dict)
    block: tuple[BlockedValue, ...] = ()
    local_edges: PositiveInt = 16_000_000
    engine: Literal["databank", "graphframes"] = "databank"

    @model_validator(mode="after")
    def _known_types(self) -> "IdentityConfig":
        if len(set(self.identifiers)) < len(self.identifiers):
            raise ValueError("identifiers names a type twice; keep the first")
        used = {*self.limits, *(b.type for b in self.block)}
        used |= {kind for limits in self.limits.values() for kind in limits if kind != "any"}
        for kind in sorted(used - set(self.identifiers)):
            raise ValueError(
                f"unknown identifier type {kind!r}; {did_you_mean(kind, self.identifiers)}"
            )
        return self
