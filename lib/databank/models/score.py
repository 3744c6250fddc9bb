"""The job score_model: the champions score their populations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add

from pyspark.sql import DataFrame, functions as F
from pyspark.storagelevel import StorageLevel

from databank.archive.config import ArchiveConfig
from databank.columns import is_one_of
from databank.errors import DataBankError
from databank.models.config import ModelConfig, ModelsConfig
from databank.models.definition import Definition
from databank.models.frame import macro_frame, scoring_frame
from databank.models.pipeline import with_scores
from databank.models.registry import Registry, Version
from databank.models.tables import SCORE, TRAINING
from databank.models.text.config import TextModelConfig
from databank.models.text.frame import text_frame
from databank.models.train import open_registry
from databank.runs import Context, Job, StepResult

_DECILE_DIGITS = 5  # bounds the values that the quantiles have to hold in memory


@dataclass(frozen=True)
class _Gathered:
    """The persons of each model with its input, and the frames that are held in memory for it."""

    persons: Mapping[str, DataFrame]
    kept: list[DataFrame]


def score_models(context: Context, config: ModelsConfig) -> StepResult:
    """Score each model's population as of the run day by its champion.

    The features are those that the champion was trained with, whatever conf/ says by now.

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
    definitions = {name: registry.definition(champion) for name, champion in champions.items()}
    _refuse_other_meanings(wanted, definitions)
    context.progress.step(f"gathering what {len(champions)} champions look at")
    gathered = _populations(context, definitions, config.archive)
    try:
        context.progress.step(f"scoring by {len(champions)} champions")
        parts = [
            _score(gathered.persons[name], registry, champion, context.day)
            for name, champion in champions.items()
        ]
        _write(context, champions, reduce(DataFrame.unionByName, parts))
    finally:
        for frame in gathered.kept:
            frame.unpersist()
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
    found = registry.champion(model)
    if found is None:
        raise DataBankError(f"model {model}: has no champion; run train_model first")
    return found


def _refuse_other_meanings(
    models: Iterable[Definition], definitions: Mapping[str, Definition]
) -> None:
    """Raise where the score of a champion is the probability of another thing than tags say."""
    for model in models:
        champion = definitions[model.model]
        if (
            isinstance(model, TextModelConfig)
            and isinstance(champion, TextModelConfig)
            and (model.label.of, model.label.other) != (champion.label.of, champion.label.other)
        ):
            raise DataBankError(
                f"model {model.model}: its champion tells {champion.label.of} from "
                f"{champion.label.other}, its file {model.label.of} from {model.label.other}; run "
                "train_model, or take back the label"
            )


def _populations(
    context: Context, definitions: Mapping[str, Definition], archive: ArchiveConfig
) -> _Gathered:
    """Whom each model scores: of features one pass over the archive, of texts one a model."""
    persons: dict[str, DataFrame] = {}
    kept: list[DataFrame] = []
    featured = {n: d for n, d in definitions.items() if isinstance(d, ModelConfig)}
    if featured:
        expressions = [each for definition in featured.values() for each in definition.inputs]
        kept.append(macro_frame(context, expressions, archive, as_of=context.day))
        persons |= {name: scoring_frame(kept[0], d) for name, d in featured.items()}
    for name, definition in definitions.items():
        if isinstance(definition, TextModelConfig):
            kept.append(text_frame(context, definition, as_of=context.day))
            persons[name] = kept[-1].select("person_id", "text")
    return _Gathered(persons, kept)


def _score(persons: DataFrame, registry: Registry, champion: Version, day: date) -> DataFrame:
    return with_scores(registry.load(champion), persons, "person_id").select(
        F.lit(champion.model).alias("model"),
        F.lit(champion.version).cast("bigint").alias("version"),
        F.lit(day).alias("as_of"),
        F.col("person_id").alias("entity_id"),
        "score",
        "calibrated",
    )


def _write(context: Context, models: Iterable[str], scored: DataFrame) -> None:
    scored = scored.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        # persons are unique in the frame, and models among the names
        rows = with_deciles(scored)
        context.store.replace(SCORE, rows, where=is_one_of("model", models), checked=True)
    finally:
        scored.unpersist()


JOB = Job(name="score_model", step=score_models, tables=(SCORE,), logic_version=1)
