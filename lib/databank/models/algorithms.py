"""Algorithms of models: parameters, estimator and weights of each in one entry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from databank.errors import did_you_mean


@dataclass(frozen=True)
class Parameter:
    """A number that a model's file may set.

    Attributes:
        default: Its value where the file sets none.
        least: The smallest value that is accepted.
        most: The largest value that is accepted.
        description: Its meaning, for the reference.
        whole: Whether it counts something.
    """

    default: float
    least: float
    most: float
    description: str
    whole: bool = False

    @property
    def kind(self) -> str:
        """Name the kind of number, as errors and the reference do."""
        return "whole number" if self.whole else "number"

    def accepts(self, value: float) -> bool:
        """Tell whether a value lies within the bounds and is whole where it has to be."""
        return self.least <= value <= self.most and (not self.whole or value == int(value))


@dataclass(frozen=True)
class Algorithm:
    """An algorithm by which models are trained.

    Attributes:
        family: The family of models it is for, see `databank.models.config.FAMILIES`.
        description: One sentence for people.
        parameters: By the name that `parameters:` of a model's file uses.
        estimator: Makes the MLlib classifier of all parameters and a seed. It imports pyspark.ml
            when it is called, so that reading a configuration does not. The family sets columns.
        scaled: Whether features are scaled to mean 0 and deviation 1 first, as linear models need.
        weights: Attribute of the fitted classifier with one weight per input; None = it has none.
    """

    family: str
    description: str
    parameters: Mapping[str, Parameter]
    estimator: Callable[[Mapping[str, Any], int], Any]
    scaled: bool = False
    weights: str | None = None

    def complete(self, given: Mapping[str, float]) -> dict[str, float | int]:
        """Fill in the defaults; whole numbers become integers."""
        values = {name: given.get(name, p.default) for name, p in self.parameters.items()}
        return {n: int(v) if self.parameters[n].whole else v for n, v in values.items()}


def _logistic_regression(parameters: Mapping[str, Any], seed: int) -> Any:
    from pyspark.ml.classification import LogisticRegression

    return LogisticRegression(
        regParam=parameters["regularisation"],
        elasticNetParam=parameters["elastic_net"],
        maxIter=parameters["max_iter"],
        tol=1e-8,
        standardization=False,  # a stage of its own has scaled the features
    )


def _random_forest(parameters: Mapping[str, Any], seed: int) -> Any:
    from pyspark.ml.classification import RandomForestClassifier

    return RandomForestClassifier(
        numTrees=parameters["num_trees"],
        maxDepth=parameters["max_depth"],
        minInstancesPerNode=parameters["min_persons"],
        maxBins=parameters["max_bins"],
        maxMemoryInMB=512,  # the default splits deep levels into many passes
        seed=seed,
    )


def _ngram_regression(parameters: Mapping[str, Any], seed: int) -> Any:
    from pyspark.ml.classification import LogisticRegression

    return LogisticRegression(
        regParam=parameters["regularisation"],
        maxIter=100,
        standardization=False,  # a rare piece would weigh as much as a common one
    )


# a new algorithm is one more entry; MLlib's own forests (20 trees of depth 5) are weak
ALGORITHMS: dict[str, Algorithm] = {
    "logistic_regression": Algorithm(
        family="tabular",
        description="Logistic regression on scaled features",
        parameters={
            "regularisation": Parameter(0.001, 0, 1000, "Weight of the penalty"),
            "elastic_net": Parameter(0.0, 0, 1, "0 = ridge, 1 = lasso, a mixture between"),
            "max_iter": Parameter(100, 1, 10_000, "Iterations at most", whole=True),
        },
        estimator=_logistic_regression,
        scaled=True,
        weights="coefficients",
    ),
    "random_forest": Algorithm(
        family="tabular",
        description="Random forest of classification trees",
        parameters={
            "num_trees": Parameter(60, 1, 1000, "Trees", whole=True),
            "max_depth": Parameter(7, 1, 20, "Levels of a tree at most", whole=True),
            "min_persons": Parameter(10, 1, 1_000_000, "Persons in a leaf at least", whole=True),
            "max_bins": Parameter(64, 4, 1024, "Bins of a feature at most", whole=True),
        },
        estimator=_random_forest,
        weights="featureImportances",
    ),
    "ngram_regression": Algorithm(
        family="ngram",
        description="Logistic regression on the pieces (one to four characters) of a text",
        parameters={"regularisation": Parameter(1e-4, 0, 1000, "Weight of the penalty")},
        estimator=_ngram_regression,
    ),
}


def find_algorithm(name: str) -> Algorithm:
    """Return the entry of an algorithm.

    Raises:
        ValueError: If there is none of this name, with the closest one.
    """
    if name not in ALGORITHMS:
        raise ValueError(f"unknown algorithm {name!r}; {did_you_mean(name, ALGORITHMS)}")
    return ALGORITHMS[name]


def check_parameters(algorithm: str, given: Mapping[str, float]) -> None:
    """Refuse parameters that an algorithm does not have, and values out of bounds.

    Raises:
        ValueError: Naming the first of them, and what to write.
    """
    known = find_algorithm(algorithm).parameters
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"{algorithm} has no parameter {name!r}; {did_you_mean(name, known)}")
        parameter = known[name]
        if not parameter.accepts(value):
            bounds = f"from {parameter.least:g} to {parameter.most:g}"
            raise ValueError(f"parameter {name} is {value:g}; write a {parameter.kind} {bounds}")


def algorithm_reference() -> list[dict[str, object]]:
    """List every parameter of every algorithm, for the reference of the configuration.

    Returns:
        One row per parameter: algorithm, family, does, parameter, type, default, least, most,
        description. An algorithm without parameters has one row in which these are None.
    """
    rows: list[dict[str, object]] = []
    for name, algorithm in sorted(ALGORITHMS.items()):
        entry = {"algorithm": name, "family": algorithm.family, "does": algorithm.description}
        for key, parameter in algorithm.parameters.items() or [(None, None)]:
            rows.append(
                {
                    **entry,
                    "parameter": key,
                    "type": parameter.kind if parameter else None,
                    "default": parameter.default if parameter else None,
                    "least": parameter.least if parameter else None,
                    "most": parameter.most if parameter else None,
                    "description": parameter.description if parameter else None,
                }
            )
    return rows
