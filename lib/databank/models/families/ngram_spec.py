"""Files of models of a text: which attribute is read, and which one states the label."""

from typing import ClassVar

from pydantic import Field, model_validator

from databank.config import Name, StrictModel
from databank.errors import did_you_mean
from databank.models.spec import ModelSpec


class StatedConfig(StrictModel):
    """The label that some profiles state; the model learns from their persons."""

    attribute: str = Field(description="Attribute of core.profiles that states the label")
    values: dict[str, Name] = Field(
        description="Value of the attribute -> one of two meanings; other values are not used"
    )
    of: Name = Field(description="The meaning whose probability is the score")

    @model_validator(mode="after")
    def _two_meanings(self) -> "StatedConfig":
        meanings = sorted(set(self.values.values()))
        if len(meanings) != 2:
            raise ValueError(
                f"`values` have {len(meanings)} meanings; write two, such as {{F: female, M: male}}"
            )
        if self.of not in meanings:
            raise ValueError(
                f"`of` is {self.of!r}, which is no meaning of `values`; "
                f"{did_you_mean(self.of, meanings)}"
            )
        return self

    @property
    def opposite(self) -> str:
        """Name the meaning that is not `of`."""
        return next(meaning for meaning in self.values.values() if meaning != self.of)


class NgramSpec(ModelSpec):
    """A model of an attribute's text; it scores every person whose profiles have one."""

    family: ClassVar[str] = "ngram"
    learns_from: ClassVar[str] = "a text"

    text: str = Field(description="Attribute of core.profiles that is read")
    label: StatedConfig

    @property
    def outcomes(self) -> tuple[str, str]:
        """Name the two meanings of the label, `of` first."""
        return self.label.of, self.label.opposite

    @property
    def tracking_params(self) -> dict[str, object]:
        """Text and label, for the tracking server."""
        yes, no = self.outcomes
        return {"text": self.text, "label": f"{self.label.attribute}: {yes}, not {no}"}
