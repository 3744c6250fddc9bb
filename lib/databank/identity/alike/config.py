"""conf/identity.yml, `alike`: which profiles are compared, by what, and from where on they link."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from databank.config import Name, StrictModel
from databank.errors import did_you_mean

Kind = Literal["name", "text", "date", "code", "exact"]
# an attribute, or its first letters: surname, surname:4
Piece = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(:[1-9][0-9]?)?$")]
Same = Annotated[tuple[Piece, ...], Field(min_length=1)]


class Alike(StrictModel):
    """Profiles compared with each other, trained without labels (Fellegi and Sunter's model).

    Attributes:
        sources: Whose profiles.
        compare: Attribute -> kind. `name` and `text` differ by spelling (and rare ones tell more
            than frequent ones), `date` and `code` by single characters, `exact` is the same or not.
        block_on: A pair is compared if all of one entry is the same in both.
        train_on: As block_on; pairs from which it is learned how often what agrees. Each entry
            teaches about the attributes that it does not name, so that two are the least.
        sure: As block_on; what is almost always one person's: tells how many pairs there are.
        sure_finds: Share of all true pairs that `sure` is thought to find.
        at_least: Probability from which on two profiles are linked.
        most_pairs: Pairs per profile that one entry of block_on may make.
        local_rows: Profiles up to which DuckDB compares, on the driver; Spark does above.
    """

    sources: tuple[Name, ...] = Field(min_length=1)
    compare: dict[Name, Kind] = Field(min_length=2)
    block_on: tuple[Same, ...] = Field(min_length=1)
    train_on: tuple[Same, ...] = Field(min_length=2)
    sure: tuple[Same, ...] = Field(min_length=1)
    sure_finds: float = Field(default=0.6, gt=0, le=1)
    at_least: float = Field(default=0.95, ge=0.5, lt=1)
    most_pairs: PositiveInt = 500
    local_rows: PositiveInt = 1_000_000

    @model_validator(mode="after")
    def _known_attributes(self) -> "Alike":
        for name in ("block_on", "train_on", "sure"):
            for piece in (piece for same in getattr(self, name) for piece in same):
                attribute = piece.partition(":")[0]
                if attribute not in self.compare:
                    hint = did_you_mean(attribute, self.compare)
                    raise ValueError(f"{name}: {attribute!r} is not in `compare`; {hint}")
        return self

    @model_validator(mode="after")
    def _all_are_taught(self) -> "Alike":
        named = [{piece.partition(":")[0] for piece in same} for same in self.train_on]
        for attribute in self.compare:
            if all(attribute in each for each in named):
                raise ValueError(
                    f"train_on: every entry names {attribute!r}, so that nothing is learned of it; "
                    "add one without it"
                )
        return self


class AlikeConfig(StrictModel):
    """What the job link_profiles is given: rules by name."""

    alike: dict[Name, Alike]
