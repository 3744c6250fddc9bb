"""conf/models/*.yml, models of what persons did: features, label, algorithm."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from databank.archive.config import ArchiveConfig
from databank.config import StrictModel
from databank.errors import did_you_mean
from databank.expressions import Expression, parse_expression
from databank.expressions.windows import refuse_hours
from databank.models.definition import Definition
from databank.models.features import (
    FeatureConfig,
    Features,
    days_ahead,
    free_names,
    read_macros,
    read_past,
)

# name -> (default, least, most); MLlib's own forests (20 trees of depth 5) are weak
_PARAMETERS: dict[str, dict[str, tuple[float, float, float]]] = {
    "logistic_regression": {
        "regularisation": (0.001, 0, 1000),
        "elastic_net": (0, 0, 1),
        "max_iter": (100, 1, 10_000),
    },
    "random_forest": {
        "num_trees": (60, 1, 1000),
        "max_depth": (7, 1, 20),
        "min_persons": (10, 1, 1_000_000),
        "max_bins": (64, 4, 1024),
    },
}
_WHOLE = {"max_iter", "num_trees", "max_depth", "min_persons", "max_bins"}


class LabelConfig(StrictModel):
    """What is foretold: a condition on the next days, or to be among the top of a value."""

    when: str | None = Field(default=None, description="Condition on the days after the cut")
    top_share: float | None = Field(default=None, gt=0, lt=1, description="Share that counts as 1")
    of: str | None = Field(default=None, description="Value by which the top is taken")
    days: int = Field(ge=1, le=366, description="Days after the cut that the label looks at")

    @model_validator(mode="after")
    def _one_form(self) -> "LabelConfig":
        top = self.top_share is not None and self.of is not None
        if (self.when is None) == (not top) or (self.when and (self.top_share or self.of)):
            raise ValueError("the label needs one form; write `when`, or `top_share` and `of`")
        expression = read_macros(self.text, where="labels")
        for macro in expression.macros:
            if macro.window is not None:
                refuse_hours(macro.window, where="labels")
        ahead = days_ahead(expression)
        if not 0 < ahead <= self.days:
            raise ValueError(
                f"the label looks {ahead} days ahead and `days` is {self.days}; write windows "
                f"such as 'next {self.days} days'"
            )
        return self

    @property
    def text(self) -> str:
        """The condition or the value."""
        return self.when or self.of or ""

    @property
    def expression(self) -> Expression:
        """The condition or the value as an expression."""
        return parse_expression(self.text)


class ModelConfig(Definition):
    """A model of what persons did: features are macros over the archive."""

    algorithm: Literal["logistic_regression", "random_forest"]
    population: str | None = Field(default=None, description="Who is trained on and scored")
    features: Features
    label: LabelConfig
    parameters: dict[str, float] = Field(default_factory=dict)

    @field_validator("population")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            read_past(value, where="populations")
        return value

    @field_validator("features")
    @classmethod
    def _free(cls, value: dict[str, FeatureConfig]) -> dict[str, FeatureConfig]:
        return free_names(value)

    @model_validator(mode="after")
    def _known_parameters(self) -> "ModelConfig":
        known = _PARAMETERS[self.algorithm]
        for name, value in self.parameters.items():
            if name not in known:
                remedy = did_you_mean(name, known)
                raise ValueError(f"{self.algorithm} has no parameter {name!r}; {remedy}")
            _, least, most = known[name]
            if not least <= value <= most or (name in _WHOLE and value != int(value)):
                kind = "a whole number" if name in _WHOLE else "a number"
                raise ValueError(
                    f"parameter {name} is {value:g}; write {kind} from {least:g} to {most:g}"
                )
        return self

    def parameter(self, name: str) -> float:
        """A parameter as given, or its default."""
        return self.parameters.get(name, _PARAMETERS[self.algorithm][name][0])

    @property
    def all_parameters(self) -> dict[str, float]:
        """All parameters of the algorithm, defaults included."""
        return {name: self.parameter(name) for name in _PARAMETERS[self.algorithm]}

    @property
    def inputs(self) -> tuple[Expression, ...]:
        """Expressions that scoring needs: features and population."""
        chosen = (parse_expression(self.population),) if self.population else ()
        return (*(feature.expression for feature in self.features.values()), *chosen)

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """All expressions of the model."""
        return (*self.inputs, self.label.expression)

    @property
    def columns(self) -> dict[str, str]:
        """What its pipeline is given: column -> type."""
        return dict.fromkeys(self.features, "double")

    @property
    def shown(self) -> dict[str, object]:
        """What the tracking server lists of it; null is left out."""
        features = {f"feature.{name}": feature.of for name, feature in self.features.items()}
        return {
            "label": self.label.text,
            "label_days": self.label.days,
            "top_share": self.label.top_share,
            "population": self.population,
            **self.all_parameters,
            **features,
        }


class ModelsConfig(StrictModel):
    """All models, and the archive they read."""

    models: tuple[Definition, ...]
    archive: ArchiveConfig = ArchiveConfig()
