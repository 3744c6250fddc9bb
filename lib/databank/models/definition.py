"""What all models have in common in conf/models/*.yml."""

from abc import ABC, abstractmethod
from typing import Literal, get_args

from pydantic import Field, field_validator

from databank.archive.refers import Refers
from databank.config import Name, Note, StrictModel
from databank.errors import did_you_mean
from databank.hashing import fingerprint

Algorithm = Literal["logistic_regression", "random_forest", "ngram_regression"]


class GateConfig(StrictModel):
    """What a model must reach on the persons held out to become champion."""

    auc: float = Field(default=0.5, ge=0.5, le=1, description="Least area under the ROC curve")
    max_ece: float | None = Field(
        default=None, gt=0, le=1, description="Largest expected calibration error"
    )
    tolerance: float = Field(
        default=0.005, ge=0, le=0.5, description="AUC it may stay below the present champion's"
    )


class Definition(Refers, StrictModel, ABC):
    """A model: its name, who is held out, when it is trained, what it has to reach."""

    model: Name
    algorithm: Algorithm
    description: Note = ""
    calibration_share: float = Field(
        default=0.2, ge=0.05, le=0.5, description="Share of the training persons for calibration"
    )
    holdout: float = Field(default=0.3, ge=0.05, le=0.8, description="Share of persons held out")
    gate: GateConfig = GateConfig()
    train_every: str = Field(default="30 days", pattern=r"^[1-9][0-9]* days?$")
    seed: int = Field(default=7, ge=0, lt=2**31)

    @field_validator("algorithm", mode="before")
    @classmethod
    def _known_algorithm(cls, value: object) -> object:
        known = get_args(Algorithm)
        if value not in known:
            raise ValueError(f"unknown algorithm {value!r}; {did_you_mean(str(value), known)}")
        return value

    @property
    def train_every_days(self) -> int:
        """Days after which a champion is trained anew."""
        return int(self.train_every.split()[0])

    @property
    def definition_hash(self) -> str:
        """Hash of what decides the fitted model; a champion of another one is trained anew."""
        shown = self.model_dump(mode="json", exclude={"description", "gate", "train_every"})
        return fingerprint(shown)

    @property
    @abstractmethod
    def columns(self) -> dict[str, str]:
        """What its pipeline is given: column -> type."""

    @property
    @abstractmethod
    def shown(self) -> dict[str, object]:
        """What the tracking server lists of it; null is left out."""
