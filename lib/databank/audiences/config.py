"""conf/audiences/*.yml: one audience a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import Field, model_validator

from databank.archive.config import ArchiveConfig, TagType
from databank.archive.refers import Refers
from databank.config import Name, Note, StrictModel
from databank.expressions import Expression, Macro, parse_expression
from databank.identity.entities.config import PERSON

KEEP_DAYS = 90


class AudienceConfig(Refers, StrictModel):
    """One audience: who is in it on a day.

    Attributes:
        audience: Unique name.
    """

    audience: Name
    where: str = Field(
        description="Condition over tags, events in windows, stage(), score('m'), in_audience('a')"
    )
    entity: Name = Field(
        default=PERSON,
        description="Who meets the condition; of a household, an account ... all persons are in",
    )
    description: Note = ""
    owner: Note = ""
    keep_days: int = Field(
        default=KEEP_DAYS, ge=1, description="Members of a day are kept so long, for comparison"
    )

    @model_validator(mode="after")
    def _readable(self) -> "AudienceConfig":
        if self.audience in self.audiences:
            raise ValueError(
                f"audience {self.audience!r} asks for itself; remove in_audience('{self.audience}')"
            )
        self.refuse_what_persons_have()
        return self

    @cached_property
    def expression(self) -> Expression:
        """Read the condition."""
        return parse_expression(self.where)

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """All expressions of the audience: its condition."""
        return (self.expression,)

    @property
    def conditions(self) -> tuple[Expression, ...]:
        """All of them."""
        return self.expressions

    @property
    def member(self) -> Macro:
        """Build the macro by which other conditions ask for the audience."""
        return Macro("in_audience", target=self.audience)


@dataclass(frozen=True)
class AudiencesConfig:
    """Configuration of the job: all audiences, the archive's dimensions, the types of the tags."""

    audiences: tuple[AudienceConfig, ...]
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)
    tags: Mapping[str, TagType] = field(default_factory=dict)
