"""conf/lookalikes/*.yml: a seed audience, features, how many to find."""

from pydantic import Field, field_validator, model_validator

from databank.archive.config import ArchiveConfig
from databank.archive.refers import Refers
from databank.config import Name, Note, StrictModel
from databank.expressions import Expression, parse_expression
from databank.models.features import FeatureConfig, Features, free_names


class LookalikeConfig(Refers, StrictModel):
    """One lookalike.

    Attributes:
        lookalike: Unique name.
        features: Name -> expression over the archive by which persons are compared.
        regularisation: Strength of the ridge penalty of the logistic regression.
        random_seed: Draws the hidden seeds; the same one, the same result.
    """

    lookalike: Name
    seed: Name = Field(description="Audience whose members the persons are to resemble")
    description: Note = ""
    features: Features
    exclude: tuple[Name, ...] = Field(
        default=(), description="Audiences whose members are left out"
    )
    size: float = Field(gt=0, description="Below 1: share of the candidates; else: persons")
    levels: dict[Name, float] = Field(
        default_factory=lambda: {"high": 0.01, "medium": 0.05},
        min_length=1,
        description="Name of a level -> share of the candidates, by rank, down to which it goes",
    )
    holdout: float = Field(
        default=0.2, ge=0.05, le=0.5, description="Share of seeds hidden, to measure by"
    )
    regularisation: float = Field(default=0.001, ge=0, le=1000)
    random_seed: int = Field(default=7, ge=0, lt=2**31)

    @field_validator("features")
    @classmethod
    def _free(cls, value: dict[str, FeatureConfig]) -> dict[str, FeatureConfig]:
        return free_names(value)

    @field_validator("size")
    @classmethod
    def _share_or_number(cls, value: float) -> float:
        if value >= 1 and value != int(value):
            raise ValueError(f"size {value:g} is no number of persons; write 5000, or 0.05 for 5 %")
        return value

    @field_validator("levels")
    @classmethod
    def _shares(cls, value: dict[str, float]) -> dict[str, float]:
        wrong = [name for name, share in value.items() if not 0 < share <= 1]
        if wrong or len(set(value.values())) < len(value):
            raise ValueError("levels need different shares; write each above 0 and at most 1")
        return value

    @model_validator(mode="after")
    def _seed_stays(self) -> "LookalikeConfig":
        if self.seed in self.exclude:
            raise ValueError("the seed is left out anyway; remove it from `exclude`")
        return self

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Expressions of the features, and the conditions to be in its audiences."""
        features = (feature.expression for feature in self.features.values())
        members = (member_of(name) for name in sorted({self.seed, *self.exclude}))
        return (*features, *members)


def member_of(audience: str) -> Expression:
    """Write the condition to be in an audience."""
    return parse_expression(f"in_audience('{audience}')")


class LookalikesConfig(StrictModel):
    """All lookalikes, and the archive they read."""

    lookalikes: tuple[LookalikeConfig, ...]
    archive: ArchiveConfig = ArchiveConfig()
