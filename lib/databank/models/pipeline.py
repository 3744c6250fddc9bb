"""The pipeline: clean features, scale, MLlib estimator, isotonic calibration; one saved model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.ml import Estimator, Pipeline, PipelineModel, Transformer
from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
from pyspark.ml.feature import SQLTransformer, StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.ml.regression import IsotonicRegression
from pyspark.sql import Column, DataFrame, functions as F

from databank.errors import DataBankError
from databank.models.config import ModelConfig
from databank.models.features import FeatureConfig

LEAST = 20  # persons of either label, below which no figure means anything
_DIGITS = 9  # partial sums arrive in any order: further digits would differ from run to run


@dataclass(frozen=True)
class Facts:
    """What one pass over the training persons tells: sizes, and the median of each feature.

    Attributes:
        persons: By part, train | calibrate | holdout.
        positives: Persons with label 1, by part.
        medians: Of the cleaned feature among part train; None = never known.
        gaps: Features that are missing for somebody in part train.
    """

    persons: Mapping[str, int]
    positives: Mapping[str, int]
    medians: Mapping[str, float | None]
    gaps: frozenset[str]


def look_at(frame: DataFrame, features: Mapping[str, FeatureConfig]) -> Facts:
    """Gather the facts of a training frame in one job.

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
    return Facts(
        persons={part: int(row["_n"]) for part, row in rows.items()},
        positives={part: int(row["_positives"]) for part, row in rows.items()},
        medians={name: train[f"m_{name}"] if train else None for name in features},
        gaps=frozenset(n for n in features if train and train[f"k_{n}"] < train["_n"]),
    )


def refuse_thin(facts: Facts, *, where: str) -> None:
    """Raise unless there is something to learn from, to calibrate on and to measure by.

    Raises:
        DataBankError: Naming the part or the feature, and what to change.
    """
    for part in ("train", "calibrate", "holdout"):
        n, ones = facts.persons.get(part, 0), facts.positives.get(part, 0)
        least = LEAST if part != "calibrate" else LEAST // 4
        if min(ones, n - ones) < least:
            raise DataBankError(
                f"{where}: {n} persons in part {part}, {ones} of them with label 1; {least} of "
                "either label are needed: take a later --date, a wider population or label"
            )
    unknown = [name for name, median in facts.medians.items() if median is None]
    if unknown:
        raise DataBankError(
            f"{where}: feature {unknown[0]!r} is missing for everybody; correct it, or remove it"
        )


def fit_pipeline(frame: DataFrame, config: ModelConfig, facts: Facts) -> PipelineModel:
    """Fit on part train, calibrate on part calibrate; part holdout is not looked at.

    Args:
        frame: person_id, features, label, part; laid out as `macro_frame` does.
        config: The model.
        facts: Of the same frame.

    Returns:
        A model whose input is the features and whose `transform` adds `probability` (vector)
        and `calibrated` (double; isotonic regression of the label on the probability, Zadrozny
        and Elkan 2002).
    """
    names = list(config.features)
    columns = [*names, "label"]
    train = frame.where("part = 'train'").select(*columns)
    fitted = Pipeline(
        stages=[*prepare(config.features, facts, scaled=_is_linear(config)), _estimator(config)]
    ).fit(train)
    return with_calibration(fitted, frame.where("part = 'calibrate'").select(*columns))


def with_calibration(fitted: PipelineModel, calibrate: DataFrame) -> PipelineModel:
    """The pipeline and, after it, an isotonic regression of the label on its probability.

    Args:
        fitted: Adds `probability` to its input.
        calibrate: Its input, and label; of persons it was not fitted on.
    """
    isotonic = IsotonicRegression(
        featuresCol="probability", featureIndex=1, labelCol="label", predictionCol="calibrated"
    ).fit(fitted.transform(calibrate))
    return PipelineModel([*fitted.stages, isotonic])


def prepare(
    features: Mapping[str, FeatureConfig], facts: Facts, *, scaled: bool
) -> list[Transformer | Estimator[Any]]:
    """Stages from raw features to the vector `features` (or `scaled`).

    Null and the codes for `unknown` become the median, with a 0/1 column beside the feature
    that says so where the training persons had such gaps; then the logarithm, and the scale.
    """
    cells = []
    for name, feature in features.items():
        known = _known(name, feature)
        filled = f"coalesce({known}, {facts.medians[name]!r}D)"
        shown = f"signum({filled}) * log1p(abs({filled}))" if feature.log else filled
        cells.append(f"{shown} AS _{name}")
        if name in facts.gaps:
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


def logistic(*, regularisation: float, elastic_net: float, max_iter: int) -> LogisticRegression:
    """Logistic regression on the scaled features."""
    return LogisticRegression(
        featuresCol="scaled",
        labelCol="label",
        regParam=regularisation,
        elasticNetParam=elastic_net,
        maxIter=max_iter,
        tol=1e-8,
        standardization=False,  # a stage of its own has scaled them
        rawPredictionCol="raw_prediction",
    )


def with_scores(model: Transformer, frame: DataFrame, *keep: str) -> DataFrame:
    """Score a frame of features.

    Args:
        model: A model of `fit_pipeline`.
        frame: Its features, and the columns to keep.
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
    """The probability of label 1 as a double."""
    return F.round(vector_to_array(F.col("probability"))[1], _DIGITS)


def coefficients(model: PipelineModel) -> dict[str, float]:
    """Weight of each input of the estimator: coefficient per standard deviation, or importance.

    Args:
        model: A model of `fit_pipeline`.
    """
    assembler = next(s for s in model.stages if s.hasParam("inputCols"))
    names = [name.removeprefix("_") for name in assembler.getOrDefault("inputCols")]
    estimator: Any = model.stages[-2]
    forest = hasattr(estimator, "featureImportances")
    weights = estimator.featureImportances if forest else estimator.coefficients
    return dict(zip(names, (float(w) for w in weights.toArray()), strict=True))


def _estimator(config: ModelConfig) -> Estimator[Any]:
    if _is_linear(config):
        return logistic(
            regularisation=config.parameter("regularisation"),
            elastic_net=config.parameter("elastic_net"),
            max_iter=int(config.parameter("max_iter")),
        )
    return RandomForestClassifier(
        featuresCol="features",
        labelCol="label",
        numTrees=int(config.parameter("num_trees")),
        maxDepth=int(config.parameter("max_depth")),
        minInstancesPerNode=int(config.parameter("min_persons")),
        maxBins=int(config.parameter("max_bins")),
        maxMemoryInMB=512,  # the default splits deep levels into many passes
        rawPredictionCol="raw_prediction",
        seed=config.seed,
    )


def _is_linear(config: ModelConfig) -> bool:
    return config.algorithm == "logistic_regression"


def _known(name: str, feature: FeatureConfig) -> str:
    """SQL of the feature, null where it is unknown."""
    unknown = [f"isnan(`{name}`)", *(f"`{name}` = {code!r}D" for code in feature.missing)]
    return f"CASE WHEN {' OR '.join(unknown)} THEN NULL ELSE `{name}` END"
