"""Models of what persons did: features cut by a day, and the label of the days after it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.config import ArchiveConfig
from databank.columns import holds
from databank.models.algorithms import find_algorithm
from databank.models.families.family import Family, TrainingSet
from databank.models.families.tabular_spec import TabularSpec
from databank.models.frame import feature_columns, in_population, macro_frame, part_of
from databank.models.pipeline import (
    TrainingStats,
    classifier,
    prepare,
    profile_features,
    with_calibration,
)
from databank.runs import Context


class Tabular(Family[TabularSpec]):
    """Models whose features are macros over the archive."""

    def batches(self, specs: Sequence[TabularSpec]) -> list[list[TabularSpec]]:
        """Train models of the same `label.days` together: they are cut on the same day."""
        ordered = sorted(specs, key=_label_days)
        return [list(models) for _, models in groupby(ordered, _label_days)]

    @contextmanager
    def training_sets(
        self,
        context: Context,
        batch: Sequence[TabularSpec],
        champions: Mapping[str, TabularSpec],
        archive: ArchiveConfig,
    ) -> Iterator[list[TrainingSet[TabularSpec]]]:
        """Gather the features of a batch in one pass over the archive."""
        as_of = context.day - timedelta(days=batch[0].label.days)
        champion_specs = [champions[s.model] for s in batch if s.model in champions]
        expressions = [e for spec in [*batch, *champion_specs] for e in spec.expressions]
        context.progress.step(f"gathering features as of {as_of}")
        frame = macro_frame(context, expressions, archive, as_of=as_of)
        try:
            sets = []
            for spec in batch:
                champion_rows = None
                if spec.model in champions:
                    # the same persons, labels and parts, with the champion's own features
                    features = champions[spec.model].features
                    same = spec.model_copy(update={"features": features})
                    champion_rows = training_frame(frame, same)
                rows = training_frame(frame, spec)
                sets.append(TrainingSet(spec, as_of, rows, champion_rows))
            yield sets
        finally:
            frame.unpersist()

    @contextmanager
    def scoring_frames(
        self, context: Context, specs: Mapping[str, TabularSpec], archive: ArchiveConfig
    ) -> Iterator[dict[str, DataFrame]]:
        """Gather the features of all models in one pass over the archive."""
        expressions = [each for spec in specs.values() for each in spec.inputs]
        frame = macro_frame(context, expressions, archive, as_of=context.day)
        try:
            yield {name: scoring_frame(frame, spec) for name, spec in specs.items()}
        finally:
            frame.unpersist()

    def profile(self, rows: DataFrame, spec: TabularSpec) -> TrainingStats:
        """Count persons, and take the median and the gaps of each feature."""
        return profile_features(rows, spec.features)

    def fit(self, rows: DataFrame, spec: TabularSpec, stats: TrainingStats) -> PipelineModel:
        """Clean the features, scale them where the algorithm needs it, fit and calibrate."""
        columns = [*spec.features, "label"]
        scaled = find_algorithm(spec.algorithm).scaled
        stages = [
            *prepare(spec.features, stats, scaled=scaled),
            classifier(spec, features="scaled" if scaled else "features"),
        ]
        fitted = Pipeline(stages=stages).fit(rows.where("part = 'train'").select(*columns))
        return with_calibration(fitted, rows.where("part = 'calibrate'").select(*columns))

    def input_schema(self, spec: TabularSpec) -> dict[str, str]:
        """Name the features."""
        return dict.fromkeys(spec.features, "double")

    def weights(self, model: PipelineModel, spec: TabularSpec) -> dict[str, float]:
        """Tell the coefficient per standard deviation, or the importance, of each input."""
        attribute = find_algorithm(spec.algorithm).weights
        if attribute is None:
            return {}
        assembler = next(stage for stage in model.stages if stage.hasParam("inputCols"))
        names = [name.removeprefix("_") for name in assembler.getOrDefault("inputCols")]
        fitted: Any = model.stages[-2]  # the last one calibrates
        weights = getattr(fitted, attribute).toArray()
        return dict(zip(names, (float(weight) for weight in weights), strict=True))


def scoring_frame(frame: DataFrame, spec: TabularSpec) -> DataFrame:
    """Select the features of a model's population.

    Args:
        frame: A macro frame that has the model's macros.
        spec: The model.

    Returns:
        person_id, one double per feature.
    """
    persons = in_population(frame, spec.population)
    return persons.select("person_id", *feature_columns(spec.features))


def training_frame(frame: DataFrame, spec: TabularSpec) -> DataFrame:
    """Select features, label and part of a model's population.

    Args:
        frame: A macro frame that has the model's macros, the label's included.
        spec: The model.

    Returns:
        person_id, one double per feature, label (double, 0 or 1),
        part (train | calibrate | holdout).
    """
    persons = in_population(frame, spec.population)
    if spec.label.top_share is None:
        label = holds(spec.label.expression.sql)
    else:
        label = _top(persons, spec)
    return persons.select(
        "person_id",
        *feature_columns(spec.features),
        label.cast("double").alias("label"),
        part_of(spec).alias("part"),
    )


def _top(persons: DataFrame, spec: TabularSpec) -> Column:
    """Above the quantile of the value; where many share it, fewer than the share are above."""
    value = F.expr(spec.label.expression.sql).cast("double")
    share = 1 - (spec.label.top_share or 0.0)
    row = persons.agg(F.percentile(value, F.lit(share))).first()
    bound = None if row is None else row[0]
    return F.coalesce(value > F.lit(bound), F.lit(False))


def _label_days(spec: TabularSpec) -> int:
    return spec.label.days


FAMILY = Tabular()
