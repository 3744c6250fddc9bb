"""Figures against scikit-learn's."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from databank.models.metrics import ECE_BINS, Bins, ModelQuality, lift_table, measure, merge_bins


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    true = rng.beta(1, 4, 3000)
    noisy = np.clip(true + rng.normal(0, 0.1, 3000), 0, 1)  # both ends are reached
    calibrated = np.round(np.clip(noisy * 0.9, 0, 1), 2)
    label = (rng.random(3000) < true).astype(float)
    return pd.DataFrame({"score": noisy, "calibrated": calibrated, "label": label})


@pytest.fixture(scope="module")
def quality(spark_session: SparkSession, sample: pd.DataFrame) -> ModelQuality:
    return measure(spark_session.createDataFrame(sample))


def test_auc_is_that_of_scikit_learn(quality: ModelQuality, sample: pd.DataFrame) -> None:
    assert quality.auc == pytest.approx(roc_auc_score(sample.label, sample.score), abs=2e-4)


def test_average_precision_is_that_of_scikit_learn(
    quality: ModelQuality, sample: pd.DataFrame
) -> None:
    expected = average_precision_score(sample.label, sample.score)
    assert quality.pr_auc == pytest.approx(expected, abs=1e-3)


def test_brier_scores_are_exact(quality: ModelQuality, sample: pd.DataFrame) -> None:
    assert quality.brier == pytest.approx(brier_score_loss(sample.label, sample.calibrated))
    assert quality.brier_raw == pytest.approx(brier_score_loss(sample.label, sample.score))


def test_ece_is_the_mean_gap_over_equal_bins(quality: ModelQuality, sample: pd.DataFrame) -> None:
    place = np.minimum((sample.calibrated * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = sample.groupby(place).apply(lambda s: abs((s.calibrated - s.label).sum()))
    assert quality.ece == pytest.approx(gaps.sum() / len(sample))


def test_deciles_hold_everybody_and_gain_ends_at_one(
    quality: ModelQuality, sample: pd.DataFrame
) -> None:
    assert sum(row.n for row in quality.deciles) == len(sample)
    assert sum(row.positives for row in quality.deciles) == sample.label.sum()
    assert quality.deciles[-1].gain == 1
    best = sample.nlargest(300, "score").label.mean() / sample.label.mean()
    assert quality.deciles[0].lift == pytest.approx(best, rel=0.05)


def test_persons_of_equal_scores_stay_in_one_decile() -> None:
    bins = Bins(np.array([2, 1]), np.array([50.0, 50.0]), np.array([40.0, 10.0]))
    assert [(row.decile, row.n, row.lift) for row in lift_table(bins)] == [
        (3, 50, pytest.approx(1.6)),
        (8, 50, pytest.approx(0.4)),
    ]


def test_rows_of_one_bin_are_merged_highest_score_first() -> None:
    table = {"bin": [1, 5, 1], "n": [2.0, 1.0, 3.0], "positives": [1.0, 1.0, 0.0]}
    bins = merge_bins({name: np.array(values) for name, values in table.items()})
    assert bins.score.tolist() == [5, 1]
    assert bins.n.tolist() == [1, 5]
    assert bins.positives.tolist() == [1, 1]
