"""An algorithm is one entry: a toy one, from its registration to its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from databank.config import ConfigReader
from databank.errors import ConfigFaultsError
from databank.models.algorithms import (
    ALGORITHMS,
    Algorithm,
    Parameter,
    algorithm_reference,
    find_algorithm,
)
from databank.models.config import read_spec, spec_type
from databank.models.families.family import family_of
from databank.models.pipeline import with_scores
from databank.models.spec import ModelSpec

BOOSTED = """
# conf/models/buyers.yml
model: buyers
algorithm: boosted_trees
features:
  spend: amount('purchase', 'last 30 days')
  visits: events('visit', 'last 30 days')
label: {when: "events('purchase', 'next 30 days') >= 1", days: 30}
parameters: {rounds: 8}
"""


def _boosted_trees(parameters: Mapping[str, Any], seed: int) -> Any:
    from pyspark.ml.classification import GBTClassifier

    return GBTClassifier(maxIter=parameters["rounds"], maxDepth=2, seed=seed)


TOY = Algorithm(
    family="tabular",
    description="Gradient boosted trees",
    parameters={"rounds": Parameter(20, 1, 200, "Trees, one after another", whole=True)},
    estimator=_boosted_trees,
    weights="featureImportances",
)


def read_model(folder: Path, text: str) -> ModelSpec:
    """Read one model's file as a bank does."""
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "buyers.yml").write_text(text)
    reader = ConfigReader(folder)
    specs = reader.read_folder("models", spec_type)
    reader.finish()
    return specs["models/buyers.yml"]


def test_an_algorithm_is_added_by_one_entry(
    spark_session: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ALGORITHMS, "boosted_trees", TOY)
    spec = read_model(tmp_path, BOOSTED)
    assert spec.all_parameters == {"rounds": 8}
    assert read_spec(spec.model_dump(mode="json")) == spec
    for wrong, message in (
        ("rouns: 8", "boosted_trees has no parameter 'rouns'; did you mean 'rounds'"),
        ("rounds: 0", "parameter rounds is 0; write a whole number from 1 to 200"),
        ("rounds: 2.5", "parameter rounds is 2.5; write a whole number from 1 to 200"),
    ):
        with pytest.raises(ConfigFaultsError, match=message):
            read_model(tmp_path, BOOSTED.replace("rounds: 8", wrong))
    with pytest.raises(ConfigFaultsError, match="'boosted_tree'; did you mean 'boosted_trees'"):
        read_model(tmp_path, BOOSTED.replace("boosted_trees", "boosted_tree"))

    rng = np.random.default_rng(1)
    spend, visits = rng.lognormal(3, 1, 400), rng.integers(0, 9, 400).astype(float)
    persons = pd.DataFrame(
        {
            "person_id": np.arange(400),
            "spend": spend,
            "visits": visits,
            "label": (np.log(spend) + rng.normal(0, 0.3, 400) > 3).astype(float),
            "part": rng.choice(["train", "calibrate", "holdout"], 400, p=[0.6, 0.2, 0.2]),
        }
    )
    rows, family = spark_session.createDataFrame(persons), family_of(spec)
    model = family.fit(rows, spec, family.profile(rows, spec))
    scored = with_scores(model, rows.where("part = 'holdout'"), "label").toPandas()
    assert scored.score.between(0, 1).all()
    assert scored.score[scored.label == 1].mean() > 0.7
    assert scored.score[scored.label == 0].mean() < 0.3
    # spend decides, and the weights say so
    weights = family.weights(model, spec)
    assert list(weights) == ["spend", "visits"]
    assert weights["spend"] > 0.8

    [row] = [each for each in algorithm_reference() if each["algorithm"] == "boosted_trees"]
    assert row == {
        "algorithm": "boosted_trees",
        "family": "tabular",
        "does": "Gradient boosted trees",
        "parameter": "rounds",
        "type": "whole number",
        "default": 20,
        "least": 1,
        "most": 200,
        "description": "Trees, one after another",
    }


def test_the_reference_lists_every_parameter_of_every_algorithm() -> None:
    listed = {(row["algorithm"], row["parameter"]) for row in algorithm_reference()}
    assert listed == {(name, key) for name, each in ALGORITHMS.items() for key in each.parameters}
    for row in algorithm_reference():
        assert row["least"] <= row["default"] <= row["most"]  # type: ignore[operator]
        assert row["description"]
    assert {name: find_algorithm(name).family for name in ALGORITHMS} == {
        "logistic_regression": "tabular",
        "random_forest": "tabular",
        "ngram_regression": "ngram",
    }


@pytest.mark.parametrize(
    ("algorithm", "keys", "message"),
    [
        ("ngram_regresion", {"text": "name"}, "did you mean 'ngram_regression'"),
        (
            "logistic_regression",
            {"text": "name"},
            "does not learn from a text; did you mean .ngram_regression",
        ),
        (
            "ngram_regression",
            {"features": {}},
            "does not learn from features; did you mean .logistic",
        ),
    ],
)
def test_an_algorithm_belongs_to_what_it_learns_from(
    algorithm: str, keys: dict[str, Any], message: str
) -> None:
    raw = {"model": "m", "algorithm": algorithm, "label": {}, **keys}
    with pytest.raises(ValueError, match=message):
        spec_type(raw).model_validate(raw)
