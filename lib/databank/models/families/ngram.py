"""Models of a text: n-grams of characters, logistic regression, calibration."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from pyspark.ml import Estimator, Pipeline, PipelineModel, Transformer
from pyspark.ml.feature import HashingTF, SQLTransformer
from pyspark.sql import Column, DataFrame, functions as F
from pyspark.storagelevel import StorageLevel

from databank.archive.config import ArchiveConfig
from databank.identity.attach import PROFILE_ORDER, profile_attribute, profiles_of_persons
from databank.identity.tables import PERSON
from databank.models.families.family import Family, TrainingSet
from databank.models.families.ngram_spec import NgramSpec
from databank.models.frame import part_of
from databank.models.pipeline import (
    TrainingStats,
    classifier,
    profile_features,
    with_calibration,
)
from databank.runs import Context
from databank.sources.tables import PROFILES

_LONGEST = 4
# ^ and $ stand for the ends. A piece that would reach beyond the end is shortened, and so comes
# several times; only whether a text has it counts
_GRAMS = f"""
    SELECT *, flatten(transform(sequence(1, {_LONGEST}), n ->
        transform(sequence(1, length(text) + 2), at ->
            substring(concat('^', lower(text), '$'), at, n)))) AS grams
    FROM __THIS__
"""
# hashed: a list of all pieces would hold whole names, and go to the tracking server
_BUCKETS = 1 << 16


class Ngram(Family[NgramSpec]):
    """Models of the newest text that the profiles of a person have."""

    def batches(self, specs: Sequence[NgramSpec]) -> list[list[NgramSpec]]:
        """Train each model by itself: each reads another attribute."""
        return [[spec] for spec in specs]

    @contextmanager
    def training_sets(
        self,
        context: Context,
        batch: Sequence[NgramSpec],
        champions: Mapping[str, NgramSpec],
        archive: ArchiveConfig,
    ) -> Iterator[list[TrainingSet[NgramSpec]]]:
        """Gather the persons whose profiles have the text and state the label."""
        frames: list[DataFrame] = []
        sets = []
        try:
            for spec in batch:
                context.progress.step(f"gathering {spec.text} of profiles")
                frames.append(text_frame(context, spec, as_of=context.day))
                rows, champion_rows = labelled_frame(frames[-1], spec), None
                if spec.model in champions:
                    same = spec.model_copy(update={"text": champions[spec.model].text})
                    frames.append(text_frame(context, same, as_of=context.day))
                    champion_rows = labelled_frame(frames[-1], spec)
                sets.append(TrainingSet(spec, context.day, rows, champion_rows))
            yield sets
        finally:
            for frame in frames:
                frame.unpersist()

    @contextmanager
    def scoring_frames(
        self, context: Context, specs: Mapping[str, NgramSpec], archive: ArchiveConfig
    ) -> Iterator[dict[str, DataFrame]]:
        """Gather the text of every person who has one."""
        frames: dict[str, DataFrame] = {}
        try:
            for name, spec in specs.items():
                frames[name] = text_frame(context, spec, as_of=context.day)
            yield {name: frame.select("person_id", "text") for name, frame in frames.items()}
        finally:
            for frame in frames.values():
                frame.unpersist()

    def profile(self, rows: DataFrame, spec: NgramSpec) -> TrainingStats:
        """Count the persons of each part."""
        return profile_features(rows, {})

    def fit(self, rows: DataFrame, spec: NgramSpec, stats: TrainingStats) -> PipelineModel:
        """Fit a linear model of pieces of one to four characters.

        Bags of character n-grams are what linear models of names are made of (Hu et al. 2021,
        What's in a name? Gender classification of names with character based machine learning
        models, Data Min. Knowl. Disc. 35).
        """
        stages: list[Transformer | Estimator[Any]] = [
            SQLTransformer(statement=_GRAMS),
            HashingTF(inputCol="grams", outputCol="features", numFeatures=_BUCKETS, binary=True),
            classifier(spec, features="features"),
        ]
        fitted = Pipeline(stages=stages).fit(rows.where("part = 'train'").select("text", "label"))
        return with_calibration(fitted, rows.where("part = 'calibrate'").select("text", "label"))

    def input_schema(self, spec: NgramSpec) -> dict[str, str]:
        """Name the one input."""
        return {"text": "string"}

    def weights(self, model: PipelineModel, spec: NgramSpec) -> dict[str, float]:
        """Show none: pieces are hashed, and a list of them would hold whole names."""
        return {}


def text_frame(context: Context, spec: NgramSpec, *, as_of: date) -> DataFrame:
    """Gather the newest text of each person who has one; persisted.

    Cost: one scan of the profiles, and two shuffles: by identifier, and by person.

    Returns:
        person_id (unique), text, stated (null = no profile states it). The caller unpersists it.
    """
    profiles = profiles_of_persons(
        context.store.read(PROFILES),
        context.store.read(PERSON),
        as_of=as_of,
        timezone=context.settings.timezone,
    )
    texts = profiles.groupBy("person_id").agg(
        _newest(spec.text).alias("text"), _newest(spec.label.attribute).alias("stated")
    )
    return texts.where("text IS NOT NULL").persist(StorageLevel.MEMORY_AND_DISK)


def labelled_frame(frame: DataFrame, spec: NgramSpec) -> DataFrame:
    """Keep the persons whose profiles state the label.

    Args:
        frame: Of `text_frame`.
        spec: The model.

    Returns:
        person_id, text, label (double, 1 = `label.of`), part (train | calibrate | holdout).
    """
    pairs = [F.lit(each) for pair in sorted(spec.label.values.items()) for each in pair]
    meaning = F.try_element_at(F.create_map(*pairs), F.col("stated"))
    label = (meaning == F.lit(spec.label.of)).cast("double").alias("label")
    part = part_of(spec).alias("part")
    return frame.select("person_id", "text", label, part).where("label IS NOT NULL")


def _newest(attribute: str) -> Column:
    value = profile_attribute(attribute)
    # null sorts below every time
    return F.max_by(value, F.when(value.isNotNull(), F.struct(*PROFILE_ORDER)))


FAMILY = Ngram()
