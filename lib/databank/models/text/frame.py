"""Frames of text models: a person's text, and what its profiles state."""

from datetime import date

from pyspark.sql import Column, DataFrame, functions as F
from pyspark.storagelevel import StorageLevel

from databank.identity.attach import PROFILE_ORDER, profile_attribute, profiles_of_persons
from databank.identity.tables import PERSON
from databank.models.frame import part_of
from databank.models.text.config import TextModelConfig
from databank.runs import Context
from databank.sources.tables import PROFILES


def text_frame(context: Context, config: TextModelConfig, *, as_of: date) -> DataFrame:
    """The newest text of each person who has one; persisted.

    Cost: one scan of the profiles, and two shuffles: by identifier, and by person.

    Returns:
        person_id (unique), text, stated (null = nothing). The caller unpersists it.
    """
    profiles = profiles_of_persons(
        context.store.read(PROFILES),
        context.store.read(PERSON),
        as_of=as_of,
        timezone=context.settings.timezone,
    )
    found = profiles.groupBy("person_id").agg(
        _newest(config.text).alias("text"), _newest(config.label.attribute).alias("stated")
    )
    return found.where("text IS NOT NULL").persist(StorageLevel.MEMORY_AND_DISK)


def stated_frame(frame: DataFrame, config: TextModelConfig) -> DataFrame:
    """Those of whom it is stated.

    Args:
        frame: Of `text_frame`.
        config: The model.

    Returns:
        person_id, text, label (double, 1 = `label.of`), part (train | calibrate | holdout).
    """
    pairs = [F.lit(each) for pair in sorted(config.label.values.items()) for each in pair]
    meant = F.try_element_at(F.create_map(*pairs), F.col("stated"))
    label = (meant == F.lit(config.label.of)).cast("double").alias("label")
    part = part_of(config).alias("part")
    return frame.select("person_id", "text", label, part).where("label IS NOT NULL")


def _newest(attribute: str) -> Column:
    value = profile_attribute(attribute)
    # null sorts below every time
    return F.max_by(value, F.when(value.isNotNull(), F.struct(*PROFILE_ORDER)))
