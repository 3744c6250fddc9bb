"""The fitted pipeline against scikit-learn."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from databank.errors import DataBankError
from databank.models.families.tabular import Tabular
from databank.models.pipeline import profile_features, require_enough_rows, with_scores
from tests.unit.models.samples import model

CONFIG = model(
    features={
        "spend": "amount('purchase')",
        "age": {"of": "days_since('login')", "log": False, "missing": [-1]},
    },
    parameters={"regularisation": 0.01},
)


@pytest.fixture(scope="module")
def persons() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 2000
    spend, age = rng.lognormal(3, 1, n), rng.integers(0, 60, n).astype(float)
    chance = 1 / (1 + np.exp(-(0.8 * np.log1p(spend) - 0.05 * age - 1.5)))
    age[:150], age[150:300] = np.nan, -1
    part = rng.choice(["train", "calibrate", "holdout"], n, p=[0.6, 0.2, 0.2])
    label = (rng.random(n) < chance).astype(float)
    cells = {"person_id": np.arange(n), "spend": spend, "age": age, "label": label, "part": part}
    return pd.DataFrame(cells)


@pytest.fixture(scope="module")
def fitted(spark_session: SparkSession, persons: pd.DataFrame) -> tuple[PipelineModel, Any]:
    frame = spark_session.createDataFrame(persons)  # NaN stays NaN: as unknown as null
    pipeline = Tabular().fit(frame, CONFIG, profile_features(frame, CONFIG.features))
    scored = with_scores(pipeline, frame, "person_id", "label", "part").toPandas()
    return pipeline, scored.sort_values("person_id", ignore_index=True)


def _inputs(persons: pd.DataFrame) -> Any:
    """What the pipeline should make of the features, by hand."""
    train = persons.part == "train"
    unknown = persons.age.isna() | (persons.age == -1)
    median = persons.age[train & ~unknown].median()
    raw = np.column_stack(
        [np.log1p(persons.spend), persons.age.where(~unknown, median), unknown.astype(float)]
    )
    return (raw - raw[train].mean(axis=0)) / raw[train].std(axis=0, ddof=1)


def test_scores_and_weights_are_those_of_scikit_learn(
    fitted: tuple[PipelineModel, Any], persons: pd.DataFrame
) -> None:
    inputs, train = _inputs(persons), persons.part == "train"
    # MLlib's objective is the mean loss, scikit-learn's the sum
    oracle = LogisticRegression(C=1 / (0.01 * train.sum()), tol=1e-9, max_iter=1000)
    oracle.fit(inputs[train], persons.label[train])
    weights = Tabular().weights(fitted[0], CONFIG)
    assert list(weights) == ["spend", "age", "age_missing"]
    assert list(weights.values()) == pytest.approx(oracle.coef_[0].tolist(), abs=1e-4)
    expected = oracle.predict_proba(inputs)[:, 1]
    assert fitted[1].score.to_numpy() == pytest.approx(expected, abs=1e-4)


def test_calibration_is_the_isotonic_regression_of_the_calibration_part(
    fitted: tuple[PipelineModel, Any],
) -> None:
    scored = fitted[1]
    part = scored[scored.part == "calibrate"]
    oracle = IsotonicRegression(out_of_bounds="clip").fit(part.score, part.label)
    assert scored.calibrated.to_numpy() == pytest.approx(oracle.predict(scored.score), abs=1e-3)


def test_too_few_of_a_label_are_refused_with_the_remedy(
    spark_session: SparkSession, persons: pd.DataFrame
) -> None:
    few = spark_session.createDataFrame(persons.assign(label=0.0).head(100))
    with pytest.raises(DataBankError, match="0 of them with label 1; 20 of either"):
        require_enough_rows(profile_features(few, CONFIG.features), where="model churn")


def test_a_feature_that_nobody_has_is_named(
    spark_session: SparkSession, persons: pd.DataFrame
) -> None:
    empty = spark_session.createDataFrame(persons.assign(age=-1.0))
    with pytest.raises(DataBankError, match="'age' is missing for everybody"):
        require_enough_rows(profile_features(empty, CONFIG.features), where="model churn")
