"""A rule of a source: a condition that must hold, and what happens where it does not."""

from typing import Literal

from pydantic import Field

from databank.config import Name, StrictModel


class RuleConfig(StrictModel):
    """One rule; a condition that is unknown (null) does not hold."""

    name: Name = Field(description="Shown in ops.quarantine and in the figures")
    check: str = Field(min_length=1, description="Spark SQL on the parsed columns; must hold")
    otherwise: Literal["quarantine", "warn", "stop"] = Field(
        default="quarantine",
        description="quarantine the row, load it and count it, or refuse the whole load",
    )
