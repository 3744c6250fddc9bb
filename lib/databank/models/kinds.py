"""Which kind of model a definition is of."""

from typing import Any

from databank.models.config import ModelConfig
from databank.models.definition import Definition
from databank.models.text.config import TextModelConfig


def model_type(raw: Any) -> type[Definition]:
    """The class that reads a definition: its algorithm tells, or a key that only texts have."""
    of_text = isinstance(raw, dict) and (
        "text" in raw or raw.get("algorithm") == "ngram_regression"
    )
    return TextModelConfig if of_text else ModelConfig


def read_definition(raw: Any) -> Definition:
    """A definition as it was kept beside a model.

    Raises:
        ValidationError: If this release does not know it.
    """
    return model_type(raw).model_validate(raw)
