"""Rank persons by likeness, and measure the ranking on seeds that were hidden from the fit."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column, DataFrame, Window, functions as F

from databank.models.frame import share_of_hash
from databank.models.metrics import Bins, merge_bins, score_bin

SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
VISIBLE, HIDDEN, UNLABELLED = "visible", "hidden", "unlabelled"


@dataclass(frozen=True)
class Gain:
    """One point of the gain curve."""

    share: float
    recall: float
    lift: float


def role(is_seed: Column, *, holdout: float, random_seed: int) -> Column:
    """Give seeds the role visible or hidden, drawn by person, and the rest unlabelled."""
    hidden = share_of_hash("person_id", random_seed) < holdout
    return F.when(is_seed & hidden, HIDDEN).when(is_seed, VISIBLE).otherwise(UNLABELLED)


def gain_curve(scored: DataFrame) -> tuple[Gain, ...]:
    """Measure which share of the hidden seeds the top shares of all but visible seeds hold.

    Within a bin of (almost) equal scores, hidden seeds count as spread evenly.

    Args:
        scored: role (hidden | unlabelled), likeness (double in [0, 1]).
    """
    counted = scored.groupBy(score_bin("likeness").alias("bin")).agg(
        F.count("*").cast("double").alias("n"),
        F.sum(F.when(F.col("role") == HIDDEN, 1.0).otherwise(0.0)).alias("positives"),
    )
    table = counted.toPandas()  # bins, not rows
    return curve(merge_bins({name: table[name].to_numpy() for name in table.columns}))


def curve(bins: Bins) -> tuple[Gain, ...]:
    """Interpolate the gain curve at `SHARES`."""
    shares, recall = np.append(0, bins.shares), np.append(0, bins.true_rates)
    points = np.interp(SHARES, shares, recall)
    return tuple(
        Gain(share, float(at), float(at) / share) for share, at in zip(SHARES, points, strict=True)
    )


def top(
    scored: DataFrame, *, limit: int, candidates: int, levels: Mapping[str, float]
) -> DataFrame:
    """Rank the persons most like the seeds; ties go to the smaller person_id.

    Args:
        scored: person_id, likeness, score; the candidates.
        limit: How many at most.
        candidates: How many candidates there are.
        levels: Name -> share of the candidates down to which the level goes.

    Returns:
        person_id, rank (bigint, from 1), score, level (null beyond all levels).
    """
    best = scored.orderBy(F.desc("likeness"), "person_id").limit(limit)
    # one window over the few that are kept, not over all
    ranked = best.withColumn(
        "rank",
        F.row_number().over(Window.orderBy(F.desc("likeness"), "person_id")).cast("bigint"),
    )
    level = F.lit(None).cast("string")
    for name, share in sorted(levels.items(), key=lambda item: -item[1]):
        level = F.when(F.col("rank") <= share * candidates, name).otherwise(level)
    return ranked.select("person_id", "rank", "score", level.alias("level"))
