"""The value of every tag as a column of the persons' frame."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, functions as F

from databank.tags.config import TagConfig
from databank.tags.order import tag_levels

_Z = 1.6448536269514722  # one-sided 95 %
_MINIMUM = 5  # events with the value below which nothing is said of a preference
_PLAIN = ("measure", "attribute", "top", "model")
Cuts = dict[str, float]


def with_tags(frame: DataFrame, tags: Iterable[TagConfig]) -> DataFrame:
    """Add a column per tag.

    One aggregate over the frame gives the cuts of percentiles and the population's shares of
    preferences (a caller who has such tags keeps the frame in memory); the rest is a projection.

    Args:
        frame: person_id (unique), and all macros, tags, attributes and top values that the tags
            refer to.
        tags: Tags to add; they may refer to each other.

    Returns:
        The frame and per tag its name: boolean (never null), double (0 where a count is nothing,
        else null), date or string (null = unknown); `_score_<tag>` (double) beside banded models
        and preferences.

    Raises:
        ValueError: If tags refer to each other in a circle.
    """
    levels = tag_levels(tags)
    plain = [t for level in levels for t in level if t.kind in _PLAIN]
    frame = frame.withColumns({t.name: _plain(t) for t in plain})
    ranked = [t for level in levels for t in level if t.kind in ("percentile", "preference")]
    cuts = _cuts(frame, ranked) if ranked else {}
    if ranked:
        frame = frame.withColumns({t.name: _ranked(t, cuts) for t in ranked})
    for level in levels:
        rules = {t.name: holds(t.expressions[0].sql) for t in level if t.kind == "rule"}
        frame = frame.withColumns(rules) if rules else frame
    second = [t for t in [*plain, *ranked] if t.bands or t.kind == "preference"]
    scores = {score_column(t): _score(t, cuts) for t in second}
    return frame.withColumns(scores) if scores else frame


def holds(sql: str) -> Column:
    """A condition that is never null: what is not known to hold does not."""
    return F.coalesce(F.expr(f"({sql})").cast("boolean"), F.lit(False))


def score_column(tag: TagConfig) -> str:
    """Name of the column with the second value of a tag."""
    return f"_score_{tag.name}"


def given_column(tag: TagConfig) -> str:
    """Name of the column in which the value of a tag comes that no expression gives."""
    return f"_given_{tag.name}"


def _plain(tag: TagConfig) -> Column:
    if tag.kind in ("attribute", "top"):
        return F.col(given_column(tag))
    if tag.type == "date":
        return F.col(tag.expressions[0].sql)
    value = F.col(tag.expressions[0].sql).cast("double")
    if not tag.bands:
        return value
    band = F.lit(None).cast("string")
    for name, least in sorted(tag.bands.items(), key=lambda item: item[1]):
        band = F.when(value >= least, F.lit(name)).otherwise(band)
    return band


def _cuts(frame: DataFrame, tags: list[TagConfig]) -> Cuts:
    """Per percentile its cut, per preference the population's share; one row, one job."""
    wanted = []
    for tag in tags:
        if tag.kind == "percentile":
            value = F.col(str(tag.of)).cast("double")
            # exact and interpolated; null where nobody has a value above 0
            cut = F.percentile(F.when(value > 0, value), F.lit(1 - float(tag.share or 0)))
        else:
            having, every = (F.col(each.sql) for each in tag.expressions)
            cut = F.try_divide(F.sum(having), F.sum(every))
        wanted.append(cut.cast("double").alias(tag.name))
    row = frame.agg(*wanted).first()
    found = row.asDict() if row is not None else {}
    return {name: value for name, value in found.items() if value is not None}


def _ranked(tag: TagConfig, cuts: Cuts) -> Column:
    if tag.name not in cuts:
        return F.lit(False)
    if tag.kind == "percentile":
        return holds(f"{tag.of} > 0") & F.coalesce(
            F.col(str(tag.of)) >= F.lit(cuts[tag.name]), F.lit(False)
        )
    having, every = (F.col(each.sql) for each in tag.expressions)
    enough = having >= (tag.minimum or _MINIMUM)
    return enough & (wilson_lower(having, every) > F.lit(cuts[tag.name]))


def wilson_lower(having: Column, every: Column) -> Column:
    """Lower end of the one-sided 95 % interval of a share (Wilson 1927); 0 for no events.

    Unlike the plain share it does not call two out of two a habit.
    """
    share = F.try_divide(having, every)
    spread = F.sqrt(share * (1 - share) / every + F.lit(_Z * _Z / 4) / (every * every))
    low = (share + F.lit(_Z * _Z / 2) / every - spread * _Z) / (1 + F.lit(_Z * _Z) / every)
    return F.when(every > 0, low).otherwise(F.lit(0.0))


def _score(tag: TagConfig, cuts: Cuts) -> Column:
    """The score of a banded model, or how many times the population's share a preference is."""
    if tag.kind == "model":
        return F.col(tag.expressions[0].sql).cast("double")
    having, every = (F.col(each.sql) for each in tag.expressions)
    share = cuts.get(tag.name)
    return F.try_divide(F.try_divide(having, every), F.lit(share).cast("double"))
