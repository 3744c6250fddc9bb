"""Keys that all files of conf/models have in common."""

from abc import ABC, abstractmethod
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from databank.archive.refers import Refers
from databank.config import Name, Note, StrictModel
from databank.errors import did_you_mean
from databank.hashing import fingerprint
from databank.models.algorithms import ALGORITHMS, check_parameters, find_algorithm


class GateConfig(StrictModel):
    """The quality on the persons held out that a model must reach to become champion."""

    auc: float = Field(default=0.5, ge=0.5, le=1, description="Least area under the ROC curve")
    max_ece: float | None = Field(
        default=None, gt=0, le=1, description="Largest expected calibration error"
    )
    tolerance: float = Field(
        default=0.005, ge=0, le=0.5, description="AUC it may stay below the present champion's"
    )


class ModelSpec(Refers, StrictModel, ABC):
    """A model: its name and algorithm, who is held out, when it is trained, its gate.

    Attributes:
        family: The family of models that the class describes.
        learns_from: The input of its models, for errors.
        model: Unique name.
        gate: What a version must reach to become champion.
        train_every: A champion of this age is trained again: `30 days`.
        seed: Draws the persons held out; the same one, the same result.
    """

    family: ClassVar[str]
    learns_from: ClassVar[str]

    model: Name
    algorithm: str = Field(description="How the model is trained")
    description: Note = ""
    parameters: dict[str, float] = Field(
        default_factory=dict, description="Parameters of the algorithm; defaults for the rest"
    )
    calibration_share: float = Field(
        default=0.2, ge=0.05, le=0.5, description="Share of the training persons for calibration"
    )
    holdout: float = Field(default=0.3, ge=0.05, le=0.8, description="Share of persons held out")
    gate: GateConfig = GateConfig()
    train_every: str = Field(default="30 days", pattern=r"^[1-9][0-9]* days?$")
    seed: int = Field(default=7, ge=0, lt=2**31)

    @field_validator("algorithm")
    @classmethod
    def _of_the_family(cls, value: str) -> str:
        if find_algorithm(value).family != cls.family:
            known = [name for name, each in ALGORITHMS.items() if each.family == cls.family]
            raise ValueError(
                f"{value} does not learn from {cls.learns_from}; {did_you_mean(value, known)}"
            )
        return value

    @model_validator(mode="after")
    def _known_parameters(self) -> "ModelSpec":
        check_parameters(self.algorithm, self.parameters)
        return self

    @property
    def all_parameters(self) -> dict[str, float | int]:
        """All parameters of the algorithm, defaults included."""
        return find_algorithm(self.algorithm).complete(self.parameters)

    @property
    def train_every_days(self) -> int:
        """Days after which a champion is trained again."""
        return int(self.train_every.split()[0])

    @property
    def spec_hash(self) -> str:
        """Hash of what decides the fitted model; a changed one makes the model due."""
        decisive = self.model_dump(mode="json", exclude={"description", "gate", "train_every"})
        return fingerprint(decisive)

    @property
    def outcomes(self) -> tuple[str, str] | None:
        """Names of label 1 and label 0, where the model names them."""
        return None

    @property
    @abstractmethod
    def tracking_params(self) -> dict[str, object]:
        """Parameters of the family that the tracking server lists; null is left out."""
