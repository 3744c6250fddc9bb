"""The base of families of models: gather persons, fit, score, show weights."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import Any, Generic, TypeVar

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame

from databank.archive.config import ArchiveConfig
from databank.models.config import FAMILIES
from databank.models.pipeline import TrainingStats
from databank.models.spec import ModelSpec
from databank.runs import Context

S = TypeVar("S", bound=ModelSpec)


@dataclass(frozen=True)
class TrainingSet(Generic[S]):
    """The persons that one model is trained on.

    Attributes:
        spec: The model.
        as_of: Day by which its inputs are cut.
        rows: person_id, the pipeline's inputs, label (double, 0 or 1), part (train | calibrate |
            holdout).
        champion_rows: The same persons, labels and parts with the inputs of the champion; None =
            there is no champion, or one of another family.
    """

    spec: S
    as_of: date
    rows: DataFrame
    champion_rows: DataFrame | None


class Family(ABC, Generic[S]):
    """Trains, scores and shows the models of one family."""

    @abstractmethod
    def batches(self, specs: Sequence[S]) -> list[list[S]]:
        """Divide models into those that share one pass over the data when they are trained."""

    @abstractmethod
    def training_sets(
        self,
        context: Context,
        batch: Sequence[S],
        champions: Mapping[str, S],
        archive: ArchiveConfig,
    ) -> AbstractContextManager[list[TrainingSet[S]]]:
        """Gather the persons of a batch; frames are held in memory until the context ends.

        Args:
            context: The run.
            batch: Models of `batches`.
            champions: Spec of the champion by model, of this family only.
            archive: Dimensions that filters of macros may use.
        """

    @abstractmethod
    def scoring_frames(
        self, context: Context, specs: Mapping[str, S], archive: ArchiveConfig
    ) -> AbstractContextManager[dict[str, DataFrame]]:
        """Gather whom each model scores on the run day: person_id and the pipeline's inputs.

        Args:
            context: The run; frames are held in memory until the context manager ends.
            specs: Spec of the champion by model.
            archive: Dimensions that filters of macros may use.
        """

    @abstractmethod
    def profile(self, rows: DataFrame, spec: S) -> TrainingStats:
        """Gather what has to be known of the rows of a training set before the fit."""

    @abstractmethod
    def fit(self, rows: DataFrame, spec: S, stats: TrainingStats) -> PipelineModel:
        """Fit on part train, calibrate on part calibrate; part holdout is not read.

        Args:
            rows: Rows of a training set.
            spec: The model.
            stats: `profile` of the same rows.

        Returns:
            A model whose `transform` adds `probability` (vector) and `calibrated` (double).
        """

    @abstractmethod
    def input_schema(self, spec: S) -> dict[str, str]:
        """Name the inputs of the pipeline: column -> type."""

    @abstractmethod
    def weights(self, model: PipelineModel, spec: S) -> dict[str, float]:
        """Tell the weight of each input in a fitted model; empty where it would tell nothing."""


def family_of(spec: ModelSpec) -> Family[Any]:
    """Import the family of a model."""
    family: Family[Any] = import_module(FAMILIES[spec.family].place).FAMILY
    return family


def by_family(specs: Sequence[ModelSpec]) -> list[tuple[Family[Any], list[ModelSpec]]]:
    """Group models by their family, in the order of FAMILIES."""
    groups = [[spec for spec in specs if spec.family == name] for name in FAMILIES]
    return [(family_of(group[0]), group) for group in groups if group]
