"""The job score_model: the champions score their populations."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import reduce
from operator import add

from pyspark.sql import DataFrame, functions as F
from pyspark.storagelevel import StorageLevel

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.columns import is_one_of
from databank.errors import DataBankError
from databank.models.config import ModelsConfig
from databank.models.families.family import by_family
from databank.models.pipeline import with_scores
from databank.models.registry import Registry, Version
from databank.models.spec import ModelSpec
from databank.models.tables import SCORE, TRAINING
from databank.models.train import open_registry
from databank.runs import Context, Job, StepResult

_DECILE_DIGITS = 5  # bounds the values that the quantiles have to hold in memory


def score_models(context: Context, config: ModelsConfig) -> StepResult:
    """Score each model's population as of the run day by its champion.

    The inputs are those that the champion was trained with, whatever conf/ says now.

    Raises:
        DataBankError: If a model has no champion.
    """
    wanted = [model for model in config.models if context.wants(model.model)]
    if not wanted:
        return StepResult()
    # read so that the runner sees a new champion as a new input
    context.store.read(TRAINING)
    registry = open_registry(context)
    champions = {model.model: _champion(registry, model.model) for model in wanted}
    specs = {name: registry.spec(champion) for name, champion in champions.items()}
    _refuse_other_outcomes(wanted, specs)
    entries = [
        Checked(f"the champion of model {name!r}", spec.expressions, "double")
        for name, spec in specs.items()
    ]
    refuse_wrong_expressions(context, entries, config.archive, {})
    context.progress.step(f"gathering the inputs of {len(champions)} champions")
    with ExitStack() as frames:
        persons: dict[str, DataFrame] = {}
        for family, group in by_family(list(specs.values())):
            named = {spec.model: spec for spec in group}
            gathered = family.scoring_frames(context, named, config.archive)
            persons |= frames.enter_context(gathered)
        context.progress.step(f"scoring by {len(champions)} champions")
        _write(context, champions, _scored(context, persons, registry, champions))
    versions = {f"{name}: version": champion.version for name, champion in champions.items()}
    return StepResult({"persons scored": context.store.rows_written[SCORE.name], **versions})


def with_deciles(scored: DataFrame) -> DataFrame:
    """Add decile: 1 = the highest tenth of each model by score; equal scores share a decile.

    Args:
        scored: model, score.

    Returns:
        Its columns and decile (int, 1-10).
    """
    rounded = F.round("score", _DECILE_DIGITS)
    cuts = [i / 10 for i in range(1, 10)]
    bounds = scored.groupBy("model").agg(F.percentile(rounded, cuts).alias("_bounds"))
    bound = F.col("_bounds")
    above = reduce(add, ((bound[i] > rounded).cast("int") for i in range(len(cuts))))
    joined = scored.join(F.broadcast(bounds), "model")
    return joined.withColumn("decile", above + 1).drop("_bounds")


def _champion(registry: Registry, model: str) -> Version:
    champion = registry.champion(model)
    if champion is None:
        raise DataBankError(f"model {model}: has no champion; run train_model first")
    return champion


def _refuse_other_outcomes(models: Iterable[ModelSpec], champions: Mapping[str, ModelSpec]) -> None:
    """Raise where a champion's score is the probability of another outcome than tags name."""
    for model in models:
        now, trained = model.outcomes, champions[model.model].outcomes
        if now and trained and now != trained:
            raise DataBankError(
                f"model {model.model}: its champion tells {trained[0]} from {trained[1]}, its "
                f"file {now[0]} from {now[1]}; run train_model, or take back the label"
            )


def _scored(
    context: Context,
    persons: Mapping[str, DataFrame],
    registry: Registry,
    champions: Mapping[str, Version],
) -> DataFrame:
    """Score the persons of each model by its champion."""
    parts = []
    for name, champion in champions.items():
        scored = with_scores(registry.load(champion), persons[name], "person_id")
        parts.append(
            scored.select(
                F.lit(champion.model).alias("model"),
                F.lit(champion.version).cast("bigint").alias("version"),
                F.lit(context.day).alias("as_of"),
                F.col("person_id").alias("entity_id"),
                "score",
                "calibrated",
            )
        )
    return reduce(DataFrame.unionByName, parts)


def _write(context: Context, models: Iterable[str], scored: DataFrame) -> None:
    scored = scored.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        # persons are unique in the frame, and models among the names
        rows = with_deciles(scored)
        context.store.replace(SCORE, rows, where=is_one_of("model", models), checked=True)
    finally:
        scored.unpersist()


JOB = Job(name="score_model", step=score_models, tables=(SCORE,), logic_version=2)
