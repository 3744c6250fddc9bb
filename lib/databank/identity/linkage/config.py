"""The part `linkage` of conf/identity.yml: rules that compare profiles and link likely pairs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from databank.config import Name, StrictModel
from databank.errors import did_you_mean

Kind = Literal["name", "text", "words", "date", "code", "phone", "number", "exact"]
_WITHOUT_LETTERS = ("words", "number")
# an attribute, or its first letters: surname, surname:4
KeyPart = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(:[1-9][0-9]?)?$")]
BlockingKey = Annotated[tuple[KeyPart, ...], Field(min_length=1)]


class LinkageRule(StrictModel):
    """Profiles compared with each other, trained without labels (Fellegi and Sunter's model).

    Attributes:
        sources: Sources whose profiles are compared.
        compare: Attribute -> kind. `name` and `text` differ by spelling, and an agreement in a rare
            value counts more; `words` share some, in any order; `date` and `code` differ by single
            characters; `phone` by what stands before the number, or one digit; `number` by a share
            of it; `exact` agrees or not.
        block_on: Blocking keys: a pair is compared if it agrees in every part of one key.
        em_blocks: Blocking keys whose pairs train the model by expectation maximisation. A key
            teaches nothing about the attributes that it names, so at least two are needed.
        deterministic_rules: Blocking keys in which almost only pairs of one person agree; they
            give the estimate of how many such pairs there are.
        recall_of_deterministic: Share of all true pairs that `deterministic_rules` find.
        match_threshold: Average probability from which on two groups of profiles are one person's;
            null = the one around which the fewest persons change.
    """

    sources: tuple[Name, ...] = Field(min_length=1)
    compare: dict[Name, Kind] = Field(min_length=2)
    block_on: tuple[BlockingKey, ...] = Field(min_length=1)
    em_blocks: tuple[BlockingKey, ...] = Field(min_length=2)
    deterministic_rules: tuple[BlockingKey, ...] = Field(min_length=1)
    recall_of_deterministic: float = Field(default=0.6, gt=0, le=1)
    match_threshold: float | None = Field(default=None, ge=0.05, lt=1)

    @model_validator(mode="after")
    def _known_attributes(self) -> "LinkageRule":
        for name in ("block_on", "em_blocks", "deterministic_rules"):
            for part in (part for key in getattr(self, name) for part in key):
                attribute, prefix, _ = part.partition(":")
                if attribute not in self.compare:
                    hint = did_you_mean(attribute, self.compare)
                    raise ValueError(f"{name}: {attribute!r} is not in `compare`; {hint}")
                kind = self.compare[attribute]
                if prefix and kind in _WITHOUT_LETTERS:
                    raise ValueError(
                        f"{name}: {attribute} is compared as {kind}, of which there are no first "
                        f"letters; write {attribute!r} instead of {part!r}"
                    )
        return self

    @model_validator(mode="after")
    def _every_attribute_is_trained(self) -> "LinkageRule":
        named = [{part.partition(":")[0] for part in key} for key in self.em_blocks]
        for attribute in self.compare:
            if all(attribute in each for each in named):
                raise ValueError(
                    f"em_blocks: every entry names {attribute!r}, so nothing is learned about it; "
                    "add an entry without it"
                )
        return self
