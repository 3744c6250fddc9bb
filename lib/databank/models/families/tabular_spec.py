"""Files of models of what persons did: features, label, population."""

from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from databank.config import StrictModel
from databank.expressions import Expression, parse_expression
from databank.expressions.windows import refuse_hours
from databank.models.features import (
    FeatureConfig,
    Features,
    days_ahead,
    free_names,
    read_macros,
    read_past,
)
from databank.models.spec import ModelSpec


class LabelConfig(StrictModel):
    """What a model predicts: a condition on the next days, or to be among the top of a value."""

    when: str | None = Field(default=None, description="Condition on the days after the cut")
    top_share: float | None = Field(default=None, gt=0, lt=1, description="Share that counts as 1")
    of: str | None = Field(default=None, description="Value by which the top is taken")
    days: int = Field(
        ge=1, le=366, description="Days after the cut within which the label is taken"
    )

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
        """Give the condition, or the value by which the top is taken."""
        return self.when or self.of or ""

    @property
    def expression(self) -> Expression:
        """Read `text` as an expression."""
        return parse_expression(self.text)


class TabularSpec(ModelSpec):
    """A model of what persons did: features are macros over the archive.

    Attributes:
        features: Name -> expression over the archive.
        label: What the model is to foretell.
    """

    family: ClassVar[str] = "tabular"
    learns_from: ClassVar[str] = "features"

    population: str | None = Field(default=None, description="Who is trained on and scored")
    features: Features
    label: LabelConfig

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
    def conditions(self) -> tuple[Expression, ...]:
        """Who is looked at, and the label where it is no top of a value."""
        chosen = (parse_expression(self.population),) if self.population else ()
        return (*chosen, self.label.expression) if self.label.when else chosen

    @property
    def tracking_params(self) -> dict[str, object]:
        """Label, population and features, for the tracking server; null is left out."""
        features = {f"feature.{name}": feature.of for name, feature in self.features.items()}
        return {
            "label": self.label.text,
            "label_days": self.label.days,
            "top_share": self.label.top_share,
            "population": self.population,
            **features,
        }
