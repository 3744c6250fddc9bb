"""Stages of pipelines: clean features, scale, classifier, isotonic calibration; and scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.ml import Estimator, PipelineModel, Transformer
from pyspark.ml.feature import SQLTransformer, StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.ml.regression import IsotonicRegression
from pyspark.sql import Column, DataFrame, functions as F

from databank.errors import TooFewError
from databank.models.algorithms import find_algorithm
from databank.models.features import FeatureConfig
from databank.models.spec import ModelSpec

LEAST = 20  # persons of either label, below which no figure means anything
_DIGITS = 9  # partial sums arrive in any order: further digits would differ from run to run


@dataclass(frozen=True)
class TrainingStats:
    """Sizes of the parts of a training set, and the median of each feature; from one pass.

    Attributes:
        persons: By part, train | calibrate | holdout.
        positives: Persons with label 1, by part.
        medians: Of the cleaned feature among part train; None = never known.
        gaps: Features that are missing for a person of part train.
    """

    persons: Mapping[str, int]
    positives: Mapping[str, int]
    medians: Mapping[str, float | None]
    gaps: frozenset[str]


def profile_features(frame: DataFrame, features: Mapping[str, FeatureConfig]) -> TrainingStats:
    """Gather the sizes, medians and gaps of a training frame in one job.

    Args:
        frame: label, part and the features.
        features: By name.
    """
    aggregates = [F.count("*").alias("_n"), F.sum("label").alias("_positives")]
    for name, feature in features.items():
        known = F.expr(_known(name, feature))
        aggregates += [F.median(known).alias(f"m_{name}"), F.count(known).alias(f"k_{name}")]
    # three parts
    rows = {row["part"]: row for row in frame.groupBy("part").agg(*aggregates).collect()}
    train = rows.get("train")
    return TrainingStats(
        persons={part: int(row["_n"]) for part, row in rows.items()},
        positives={part: int(row["_positives"]) for part, row in rows.items()},
        medians={name: train[f"m_{name}"] if train else None for name in features},
        gaps=frozenset(n for n in features if train and train[f"k_{n}"] < train["_n"]),
    )


def require_enough_rows(stats: TrainingStats, *, where: str) -> None:
    """Raise unless each part has enough persons of either label, and each feature a value.

    Raises:
        TooFewError: Naming the part or the feature, and what to change.
    """
    for part in ("train", "calibrate", "holdout"):
        n, ones = stats.persons.get(part, 0), stats.positives.get(part, 0)
        least = LEAST if part != "calibrate" else LEAST // 4
        if min(ones, n - ones) < least:
            raise TooFewError(
                f"{where}: {n} persons in part {part}, {ones} of them with label 1; {least} of "
                "either label are needed: take a later --date, a wider population or label"
            )
    unknown = [name for name, median in stats.medians.items() if median is None]
    if unknown:
        raise TooFewError(
            f"{where}: feature {unknown[0]!r} is missing for everybody; correct it, or remove it"
        )


def with_calibration(fitted: PipelineModel, calibrate: DataFrame) -> PipelineModel:
    """Append an isotonic regression of the label on the probability (Zadrozny and Elkan 2002).

    Args:
        fitted: Adds `probability` to its input.
        calibrate: Its input, and label; of persons it was not fitted on.
    """
    isotonic = IsotonicRegression(
        featuresCol="probability", featureIndex=1, labelCol="label", predictionCol="calibrated"
    ).fit(fitted.transform(calibrate))
    return PipelineModel([*fitted.stages, isotonic])


def prepare(
    features: Mapping[str, FeatureConfig], stats: TrainingStats, *, scaled: bool
) -> list[Transformer | Estimator[Any]]:
    """Build the stages from raw features to the vector `features` (or `scaled`).

    Null and the codes for `unknown` become the median, with a 0/1 column beside the feature
    that says so where the training persons had such gaps; then the logarithm, and the scale.
    """
    cells = []
    for name, feature in features.items():
        known = _known(name, feature)
        filled = f"coalesce({known}, {stats.medians[name]!r}D)"
        shown = f"signum({filled}) * log1p(abs({filled}))" if feature.log else filled
        cells.append(f"{shown} AS _{name}")
        if name in stats.gaps:
            cells.append(f"cast({known} IS NULL AS double) AS _{name}_missing")
    inputs = [cell.rpartition(" AS ")[2] for cell in cells]
    stages: list[Transformer | Estimator[Any]] = [
        SQLTransformer(statement=f"SELECT *, {', '.join(cells)} FROM __THIS__"),
        VectorAssembler(inputCols=inputs, outputCol="features", handleInvalid="error"),
    ]
    if scaled:
        stages.append(
            StandardScaler(inputCol="features", outputCol="scaled", withMean=True, withStd=True)
        )
    return stages


def classifier(spec: ModelSpec, *, features: str) -> Estimator[Any]:
    """Make the estimator of a model's algorithm.

    Args:
        spec: The model.
        features: Column of the vector that the estimator reads.
    """
    algorithm = find_algorithm(spec.algorithm)
    return on_columns(algorithm.estimator(spec.all_parameters, spec.seed), features=features)


def on_columns(estimator: Estimator[Any], *, features: str) -> Estimator[Any]:
    """Name the columns that a classifier reads and writes."""
    columns = {"featuresCol": features, "labelCol": "label", "rawPredictionCol": "raw_prediction"}
    for param, column in columns.items():
        estimator.set(estimator.getParam(param), column)
    return estimator


def with_scores(model: Transformer, frame: DataFrame, *keep: str) -> DataFrame:
    """Score a frame of inputs.

    Args:
        model: A fitted and calibrated pipeline.
        frame: Its inputs, and the columns to keep.
        *keep: Columns to hand through.

    Returns:
        The kept columns, score and calibrated (doubles in [0, 1], nine digits).
    """
    return model.transform(frame).select(
        *keep,
        probability_of_one().alias("score"),
        F.round(F.greatest(F.lit(0.0), F.least(F.lit(1.0), "calibrated")), _DIGITS).alias(
            "calibrated"
        ),
    )


def probability_of_one() -> Column:
    """Select the probability of label 1 as a double."""
    return F.round(vector_to_array(F.col("probability"))[1], _DIGITS)


def _known(name: str, feature: FeatureConfig) -> str:
    """Write the SQL of a feature that is null where the feature is unknown."""
    unknown = [f"isnan(`{name}`)", *(f"`{name}` = {code!r}D" for code in feature.missing)]
    return f"CASE WHEN {' OR '.join(unknown)} THEN NULL ELSE `{name}` END"
