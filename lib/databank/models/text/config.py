"""conf/models/*.yml, models of a text: which attribute is read, and which one says what is so."""

from typing import Literal

from pydantic import Field, model_validator

from databank.config import Name, StrictModel
from databank.errors import did_you_mean
from databank.models.definition import Definition


class StatedConfig(StrictModel):
    """What profiles state, for those who are learnt from."""

    attribute: str = Field(description="Attribute of core.profiles that states it")
    values: dict[str, Name] = Field(
        description="What it says -> what is meant; two meanings, other values are not learnt from"
    )
    of: Name = Field(description="The meaning whose probability is the score")

    @model_validator(mode="after")
    def _two_meanings(self) -> "StatedConfig":
        meant = sorted(set(self.values.values()))
        if len(meant) != 2:
            raise ValueError(
                f"`values` have {len(meant)} meanings; write two, such as {{F: female, M: male}}"
            )
        if self.of not in meant:
            raise ValueError(
                f"`of` is {self.of!r}, which `values` do not mean; {did_you_mean(self.of, meant)}"
            )
        return self

    @property
    def other(self) -> str:
        """The meaning that is not `of`."""
        return next(meant for meant in self.values.values() if meant != self.of)


class TextModelConfig(Definition):
    """A model of an attribute's text; it scores every person whose profiles have one."""

    algorithm: Literal["ngram_regression"]
    text: str = Field(description="Attribute of core.profiles that is read")
    label: StatedConfig
    regularisation: float = Field(default=1e-4, ge=0, le=1000)

    @property
    def columns(self) -> dict[str, str]:
        """What its pipeline is given: column -> type."""
        return {"text": "string"}

    @property
    def shown(self) -> dict[str, object]:
        """What the tracking server lists of it."""
        return {
            "text": self.text,
            "label": f"{self.label.attribute}: {self.label.of}, not {self.label.other}",
            "regularisation": self.regularisation,
        }
