"""conf/archive.yml: which dimensions of an event the archive keeps apart."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, field_validator

from databank.config import Name, StrictModel
from databank.expressions import Expression, parse_expression
from databank.identity.entities.config import PERSON

# names that filters of windows know already
_COLUMNS = frozenset(
    {"person_id", "day", "terminal", "event", "slice", "dims", "n", "amount", "amount_max"}
    | {"amount_min"}
    | {"quantity", "first_ts", "last_ts"}
)
TagType = Literal["boolean", "count", "number", "text", "date"]
# of a household, an account: the name for how many persons are in it
PERSONS = "persons"
_OF_A_PERSON = ("score", "stage")


def names_of_tags(names: Iterable[str], entity: str) -> frozenset[str]:
    """The names in expressions about an entity that can only be tags."""
    return frozenset(names) - (frozenset() if entity == PERSON else {PERSONS})


def refuse_what_persons_have(expressions: Iterable[Expression], entity: str) -> None:
    """Raise if expressions about an entity ask for what only a person has.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    asked = {m.name for each in expressions for m in each.macros} & set(_OF_A_PERSON)
    if asked and entity != PERSON:
        name = min(asked)
        raise ValueError(
            f"a {entity} has no {name}(); put the persons into an audience and ask in_audience(...)"
        )


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
