"""conf/archive.yml: which dimensions of an event the archive keeps apart."""

from typing import Literal

from pydantic import Field, field_validator

from databank.config import Name, StrictModel
from databank.expressions import parse_expression

# names that filters of windows know already
_COLUMNS = frozenset(
    {"person_id", "day", "terminal", "event", "slice", "dims", "n", "amount", "amount_max"}
    | {"quantity", "first_ts", "last_ts"}
)
TagType = Literal["boolean", "count", "number", "text", "date"]


class ArchiveConfig(StrictModel):
    """Extra dimensions by event: name -> Spark SQL over core.events.

    Rows of the archive are kept apart by them, so that filters of windows can use them; a
    dimension with many values makes the archive as large as the events.
    """

    dimensions: dict[str, dict[Name, str]] = Field(default_factory=dict)

    @field_validator("dimensions")
    @classmethod
    def _readable(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for event, dimensions in value.items():
            for name, text in dimensions.items():
                if name in _COLUMNS:
                    raise ValueError(
                        f"{event}.{name}: the archive has a column of this name; choose another"
                    )
                try:
                    expression = parse_expression(text)
                except ValueError as error:
                    raise ValueError(f"{event}.{name}: {error}") from None
                if expression.macros:
                    raise ValueError(f"{event}.{name}: macros are not for dimensions; use columns")
        return value

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all dimensions, of whichever event."""
        return tuple(sorted({name for each in self.dimensions.values() for name in each}))
