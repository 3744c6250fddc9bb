"""Frames of models: macros as of a day, features, and who is held out."""

from collections.abc import Iterable, Mapping
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F
from pyspark.storagelevel import StorageLevel

from databank.archive.config import ArchiveConfig
from databank.archive.frame import person_frame, population
from databank.columns import holds
from databank.expressions import Expression, parse_expression
from databank.models.features import FeatureConfig
from databank.models.spec import ModelSpec
from databank.runs import Context

_SEEN = parse_expression("events('*')")
# an estimator runs a job for each iteration: no more tasks than there is work for
_PERSONS_A_PARTITION = 50_000


def macro_frame(
    context: Context, expressions: Iterable[Expression], archive: ArchiveConfig, *, as_of: date
) -> DataFrame:
    """Gather the macros of expressions for persons with an event up to the day; persisted.

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
    """Cast each feature to a double, null where its expression is null."""
    return [F.expr(f.expression.sql).cast("double").alias(n) for n, f in features.items()]


def in_population(frame: DataFrame, condition: str | None) -> DataFrame:
    """Keep the persons for whom a condition holds; where it is null it does not hold."""
    if condition is None:
        return frame
    return frame.where(holds(parse_expression(condition).sql))


def share_of_hash(column: str, seed: int) -> Column:
    """Draw a number in [0, 1) that depends on the value and the seed alone."""
    return F.pmod(F.xxhash64(F.col(column), F.lit(seed)), F.lit(1_000_000)) / F.lit(1_000_000.0)


def part_of(spec: ModelSpec) -> Column:
    """Assign each person to a part: train | calibrate | holdout."""
    # a person stays held out from training to training, so that versions can be compared
    draw = share_of_hash("person_id", spec.seed)
    calibrate = spec.holdout + (1 - spec.holdout) * spec.calibration_share
    return (
        F.when(draw < spec.holdout, "holdout")
        .when(draw < calibrate, "calibrate")
        .otherwise("train")
    )
