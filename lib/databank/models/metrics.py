"""Figures of a scored sample, from counts by narrow bins of score: as small for any sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, functions as F

Array = NDArray[Any]
_LIMIT = 15.0  # logit beyond which scores are one bin
_STEPS = 1000  # bins per unit of logit: at most 30,001 bins, a thousandth of the odds wide
ECE_BINS = 10


@dataclass(frozen=True)
class Bins:
    """Counts by bin of score, highest score first."""

    score: Array
    n: Array
    positives: Array

    @property
    def true_rates(self) -> Array:
        """Share of all positives at or above each bin."""
        shares: Array = self.positives.cumsum() / max(self.positives.sum(), 1)
        return shares

    @property
    def shares(self) -> Array:
        """Share of all rows at or above each bin."""
        shares: Array = self.n.cumsum() / max(self.n.sum(), 1)
        return shares


@dataclass(frozen=True)
class Decile:
    """One row of the lift table."""

    decile: int
    n: int
    positives: int
    rate: float
    lift: float
    gain: float


@dataclass(frozen=True)
class ModelQuality:
    """Figures of a scored sample; see models.training for what each is."""

    n: int
    positives: int
    auc: float
    pr_auc: float
    brier: float
    brier_raw: float
    ece: float
    deciles: tuple[Decile, ...]

    @property
    def base_rate(self) -> float:
        """Share of label 1."""
        return self.positives / self.n

    @property
    def figures(self) -> dict[str, float]:
        """Measures by name, as models.training has them."""
        names = ("auc", "pr_auc", "brier", "brier_raw", "ece", "base_rate")
        return {name: float(getattr(self, name)) for name in names}


def measure(scored: DataFrame) -> ModelQuality:
    """Measure a scored sample with labels in one job.

    AUC and average precision treat scores whose odds differ by less than a thousandth as equal;
    Brier scores are exact.

    Args:
        scored: score, calibrated, label (0 or 1), doubles; at least one row of either label.
    """
    table = _binned(scored)
    bins = merge_bins(table)
    n, positives = int(bins.n.sum()), int(bins.positives.sum())
    return ModelQuality(
        n=n,
        positives=positives,
        auc=area_under_roc(bins),
        pr_auc=average_precision(bins),
        brier=float(table["squares"].sum() / n),
        brier_raw=float(table["squares_raw"].sum() / n),
        ece=_calibration_error(table, n),
        deciles=lift_table(bins),
    )


def score_bin(name: str) -> Column:
    """Bin of a probability: its logit in thousandths."""
    p = F.col(name)
    logit = F.when(p <= 0, F.lit(-_LIMIT)).when(p >= 1, F.lit(_LIMIT)).otherwise(F.ln(p / (1 - p)))
    bounded = F.greatest(F.lit(-_LIMIT), F.least(F.lit(_LIMIT), logit))
    return F.round(bounded * _STEPS).cast("int")


def merge_bins(table: dict[str, Array]) -> Bins:
    """One entry per bin of score, highest first, from rows that may share a bin.

    Args:
        table: bin, n, positives.
    """
    keys, place = np.unique(-table["bin"], return_inverse=True)
    n, positives = (
        np.bincount(place, table[name], minlength=len(keys)) for name in ("n", "positives")
    )
    return Bins(-keys, n, positives)


def area_under_roc(bins: Bins) -> float:
    """Probability that a positive scores above a negative, ties count half (Fawcett 2006)."""
    negatives = bins.n - bins.positives
    below = negatives.sum() - negatives.cumsum()
    won = (bins.positives * (below + negatives / 2)).sum()
    return float(won / (bins.positives.sum() * negatives.sum()))


def average_precision(bins: Bins) -> float:
    """Sum of precision over the steps of recall, without interpolation."""
    precision = bins.positives.cumsum() / bins.n.cumsum()
    return float((bins.positives * precision).sum() / bins.positives.sum())


def lift_table(bins: Bins) -> tuple[Decile, ...]:
    """Deciles of score; a bin goes to the decile in which its middle lies."""
    middle = bins.n.cumsum() - bins.n / 2
    decile = np.minimum((10 * middle / bins.n.sum()).astype(int), 9)
    n, positives = (
        np.bincount(decile, values, minlength=10) for values in (bins.n, bins.positives)
    )
    overall = positives.sum() / n.sum()
    gain = positives.cumsum() / positives.sum()
    return tuple(
        Decile(
            decile=int(i) + 1,
            n=int(n[i]),
            positives=int(positives[i]),
            rate=float(positives[i] / n[i]),
            lift=float(positives[i] / n[i] / overall),
            gain=float(gain[i]),
        )
        for i in np.flatnonzero(n)
    )


def _binned(scored: DataFrame) -> dict[str, Array]:
    """Counts and sums by bins of score and of calibrated probability."""
    ece_bin = F.least(F.floor(F.col("calibrated") * ECE_BINS), F.lit(ECE_BINS - 1)).cast("int")
    counted = scored.groupBy(score_bin("score").alias("bin"), ece_bin.alias("ece_bin")).agg(
        F.count("*").cast("double").alias("n"),
        F.sum("label").alias("positives"),
        F.sum("calibrated").alias("calibrated"),
        F.sum(F.pow(F.col("calibrated") - F.col("label"), F.lit(2))).alias("squares"),
        F.sum(F.pow(F.col("score") - F.col("label"), F.lit(2))).alias("squares_raw"),
    )
    table = counted.toPandas()  # bins, not rows
    return {name: table[name].to_numpy() for name in table.columns}


def _calibration_error(table: dict[str, Array], n: int) -> float:
    """Mean distance of foretold and true rate over equal bins (Naeini et al. 2015)."""
    foretold, true = (
        np.bincount(table["ece_bin"], table[name], minlength=ECE_BINS)
        for name in ("calibrated", "positives")
    )
    return float(np.abs(foretold - true).sum() / n)
