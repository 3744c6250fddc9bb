"""The value of every tag as a column of the persons' frame."""

from collections.abc import Iterable
from functools import partial

import pandas as pd
from pyspark.sql import Column, DataFrame, functions as F
from pyspark.sql.pandas.functions import pandas_udf

from databank.archive.config import TagType
from databank.columns import holds
from databank.tags.config import TagConfig
from databank.tags.describe import MADE_OF_TAGS
from databank.tags.kinds import UNKNOWN
from databank.tags.national import read_fact
from databank.tags.order import tag_levels

SPARK_TYPES = {
    "boolean": "boolean",
    "count": "double",
    "number": "double",
    "text": "string",
    "date": "date",
}
Thresholds = dict[str, float]


def with_tags(frame: DataFrame, tags: Iterable[TagConfig]) -> DataFrame:
    """Add a column per tag.

    One aggregate over the frame gives the cuts of percentiles (a caller who has such tags keeps
    the frame in memory); the rest is a projection.

    Args:
        frame: person_id (unique), and all macros, tags, attributes, top values and preferences
            that the tags refer to.
        tags: Tags to add; they may refer to each other.

    Returns:
        The frame and per tag its name: boolean (never null), double (0 where a count is nothing,
        else null), date or string (null = unknown); `_score_<tag>` (double) beside banded models
        and probabilities.

    Raises:
        ValueError: If tags refer to each other in a circle.
    """
    levels = tag_levels(tags)
    plain = [t for level in levels for t in level if not _is_made(t)]
    frame = frame.withColumns({t.name: _plain(t) for t in plain})
    ranked = [t for level in levels for t in level if t.kind == "percentile"]
    cuts = _cuts(frame, ranked) if ranked else {}
    if ranked:
        frame = frame.withColumns({t.name: _ranked(t, cuts) for t in ranked})
    for level in levels:
        made = {t.name: _made(t) for t in level if _is_made(t) and t.kind != "percentile"}
        frame = frame.withColumns(made) if made else frame
    scores = {score_column(t): F.col(t.expressions[0].sql).cast("double") for t in plain if t.bands}
    scores |= {score_column(t): _likelier(t) for t in plain if t.kind == "probability"}
    return frame.withColumns(scores) if scores else frame


def _never_null(value: Column, kind: TagType) -> Column:
    """Null is no answer to yes or no, and to how many."""
    if kind not in ("boolean", "count"):
        return value
    return F.coalesce(value, F.lit(False) if kind == "boolean" else F.lit(0.0))


def _is_made(tag: TagConfig) -> bool:
    """Whether it needs other tags first; a list of persons needs none."""
    return tag.kind in MADE_OF_TAGS and tag.identifier is None


def _made(tag: TagConfig) -> Column:
    """A value that is made of those of other tags."""
    if tag.kind == "rule":
        return holds(tag.expressions[0].sql)
    pairs = [F.lit(each) for pair in sorted(tag.values.items()) for each in pair]
    # a value that the table does not have, or that is no number, is unknown
    found = F.try_element_at(F.create_map(*pairs), F.col(str(tag.of)))
    return _never_null(found.try_cast(SPARK_TYPES[tag.type]), tag.type)


def score_column(tag: TagConfig) -> str:
    """Name of the column with the second value of a tag."""
    return f"_score_{tag.name}"


def input_column(tag: TagConfig) -> str:
    """Name of the column in which the value of a tag comes that no expression gives."""
    return f"_input_{tag.name}"


def _plain(tag: TagConfig) -> Column:
    if tag.kind in ("attribute", "top", "sql", "lookup"):
        return _never_null(F.col(input_column(tag)), tag.type)
    if tag.kind == "preference":
        return F.col(score_column(tag)).isNotNull()
    if tag.kind == "probability":
        return _outcome(tag)
    if tag.kind == "national_id":
        return _fact(tag)
    if tag.type == "date":
        return F.col(tag.expressions[0].sql)
    value = F.col(tag.expressions[0].sql).cast("double")
    if not tag.bands:
        return value
    band = F.lit(None).cast("string")
    for name, least in sorted(tag.bands.items(), key=lambda item: item[1]):
        band = F.when(value >= least, F.lit(name)).otherwise(band)
    return band


def _fact(tag: TagConfig) -> Column:
    """What the number tells; null where it is none, or not valid."""
    tell = partial(read_fact, number_format=str(tag.format), fact=str(tag.fact))

    def told(numbers: pd.Series) -> pd.Series:
        return numbers.map(tell, na_action="ignore")

    read = pandas_udf(told, "string")  # type: ignore[call-overload]
    found: Column = read(F.col(input_column(tag)))
    return found.cast(SPARK_TYPES[tag.type])


def _outcome(tag: TagConfig) -> Column:
    """What is likely enough; null for who has no score."""
    score, enough = F.col(tag.expressions[0].sql), F.lit(tag.at_least)
    yes, no = (F.lit(each) for each in tag.outcomes or ("yes", "no"))
    outcome = F.when(score >= enough, yes).when(1 - score >= enough, no)
    return F.when(score.isNotNull(), outcome.otherwise(F.lit(UNKNOWN)))


def _likelier(tag: TagConfig) -> Column:
    """The probability of the likelier outcome."""
    score = F.col(tag.expressions[0].sql).cast("double")
    return F.greatest(score, 1 - score)


def _cuts(frame: DataFrame, tags: list[TagConfig]) -> Thresholds:
    """Per percentile its cut; one row, one job."""
    wanted = []
    for tag in tags:
        value = F.col(str(tag.of)).cast("double")
        # exact and interpolated; null where nobody has a value above 0
        cut = F.percentile(F.when(value > 0, value), F.lit(1 - float(tag.share or 0)))
        wanted.append(cut.cast("double").alias(tag.name))
    row = frame.agg(*wanted).first()
    found = row.asDict() if row is not None else {}
    return {name: value for name, value in found.items() if value is not None}


def _ranked(tag: TagConfig, cuts: Thresholds) -> Column:
    if tag.name not in cuts:
        return F.lit(False)
    reached = F.col(str(tag.of)) >= F.lit(cuts[tag.name])
    return holds(f"{tag.of} > 0") & F.coalesce(reached, F.lit(False))
