"""conf/identity.yml, `entities`: which identifiers make a household, an account ..."""

from pydantic import Field, PositiveInt, field_validator

from databank.config import Name, StrictModel

PERSON = "person"  # what tags and audiences are of if they do not say


class Entity(StrictModel):
    """Persons who share one of some identifiers are one entity, directly or by way of others.

    Attributes:
        by: Types of these identifiers, the strongest first.
        persons: The most that one entity may have. An identifier that more persons share (a
            hall of residence) is excluded; what hangs together with more is cut at its weakest
            links. None = any number.
        days: What was not seen in the last so many days ties nobody; None = all does.
    """

    by: tuple[Name, ...] = Field(min_length=1)
    persons: PositiveInt | None = Field(default=None, strict=True)
    days: PositiveInt | None = Field(default=None, strict=True)

    @field_validator("by")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names a type twice; keep the first")
        return value
