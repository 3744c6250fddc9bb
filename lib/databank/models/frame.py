"""Frames of models: features cut by a day, the label of the days after, and who is held out."""

from collections.abc import Iterable, Mapping
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F
from pyspark.storagelevel import StorageLevel

from databank.archive.config import ArchiveConfig
from databank.archive.frame import person_frame, population
from databank.columns import holds
from databank.expressions import Expression, parse_expression
from databank.models.config import ModelConfig
from databank.models.definition import Definition
from databank.models.features import FeatureConfig
from databank.runs import Context

_SEEN = parse_expression("events('*')")
# an estimator runs a job for each iteration: no more tasks than there is work for
_PERSONS_A_PARTITION = 50_000


def macro_frame(
    context: Context, expressions: Iterable[Expression], archive: ArchiveConfig, *, as_of: date
) -> DataFrame:
    """The macros of expressions, for persons with at least one event up to the day; persisted.

    Forests draw their samples partition by partition. Rows are therefore laid out by a hash of
    the person, in a number of partitions that the number of persons alone decides, so that
    neither the cluster nor the files decide who is drawn.

    Returns:
        person_id (unique), one column per macro. The caller unpersists it.
    """
    frame = person_frame(context, [_SEEN, *expressions], archive, as_of=as_of)
    partitions = max(1, population(context, as_of).count() // _PERSONS_A_PARTITION)
    return (
        frame.where(F.col(_SEEN.sql) > 0)
        .repartition(partitions, "person_id")
        .sortWithinPartitions("person_id")
        .persist(StorageLevel.MEMORY_AND_DISK)
    )


def feature_columns(features: Mapping[str, FeatureConfig]) -> list[Column]:
    """One double per feature, null where the expression is."""
    return [F.expr(f.expression.sql).cast("double").alias(n) for n, f in features.items()]


def in_population(frame: DataFrame, condition: str | None) -> DataFrame:
    """The persons whom a condition takes in; null takes nobody in."""
    if condition is None:
        return frame
    return frame.where(holds(parse_expression(condition).sql))


def scoring_frame(frame: DataFrame, config: ModelConfig) -> DataFrame:
    """Features of a model's population.

    Args:
        frame: A macro frame that has the model's macros.
        config: The model.

    Returns:
        person_id, one double per feature.
    """
    return in_population(frame, config.population).select(
        "person_id", *feature_columns(config.features)
    )


def training_frame(frame: DataFrame, config: ModelConfig) -> DataFrame:
    """Features, label and part of a model's population.

    Args:
        frame: A macro frame that has the model's macros, the label's included.
        config: The model.

    Returns:
        person_id, one double per feature, label (double, 0 or 1),
        part (train | calibrate | holdout).
    """
    persons = in_population(frame, config.population)
    if config.label.top_share is None:
        label = holds(config.label.expression.sql)
    else:
        label = _top(persons, config)
    return persons.select(
        "person_id",
        *feature_columns(config.features),
        label.cast("double").alias("label"),
        part_of(config).alias("part"),
    )


def share_of_hash(column: str, seed: int) -> Column:
    """A number in [0, 1) that depends on the value and the seed alone."""
    return F.pmod(F.xxhash64(F.col(column), F.lit(seed)), F.lit(1_000_000)) / F.lit(1_000_000.0)


def part_of(config: Definition) -> Column:
    """The part of a person: train | calibrate | holdout."""
    # a person stays held out from training to training, so that versions can be compared
    draw = share_of_hash("person_id", config.seed)
    calibrate = config.holdout + (1 - config.holdout) * config.calibration_share
    return (
        F.when(draw < config.holdout, "holdout")
        .when(draw < calibrate, "calibrate")
        .otherwise("train")
    )


def _top(persons: DataFrame, config: ModelConfig) -> Column:
    """Above the quantile of the value; where many share it, fewer than the share are above."""
    value = F.expr(config.label.expression.sql).cast("double")
    share = 1 - (config.label.top_share or 0.0)
    found = persons.agg(F.percentile(value, F.lit(share))).first()
    bound = None if found is None else found[0]
    return F.coalesce(value > F.lit(bound), F.lit(False))
