"""What the report says in words about names that the tables hold."""

from pydantic import Field

from databank.config import StrictModel


class NoteConfig(StrictModel):
    """What a name of the bank means, for people who did not write its configuration."""

    name: str = Field(min_length=1, description="Name as it stands in the tables")
    description: str = Field(default="", description="One sentence for a reader")
    unit: str = Field(default="", description="Unit of a tag's numbers, e.g. days")
    kind: str = Field(default="", description="Kind of tag, model or audience")
    owner: str = Field(default="", description="Who answers for a tag")
    used_by: tuple[str, ...] = Field(default=(), description="Names of what refers to a tag")


class IndicatorNote(NoteConfig):
    """What an indicator means, and when its figures are whole."""

    ahead: int = Field(default=0, description="Days after a day that belong to its figures")


class RfmNote(StrictModel):
    """What recency, frequency and money are made of."""

    event: str = Field(description="The event whose recency and frequency count")
    counted: str = Field(default="days", description="What frequency counts: days, or a dimension")
    money: tuple[str, ...] = Field(default=(), description="Other events whose amounts count")


class ReportConfig(StrictModel):
    """Words for the report; every part may be left out, the tables alone make a report."""

    title: str = Field(default="databank", description="Heading of the page")
    currency: str = Field(default="", description="Unit of amounts, e.g. CNY")
    stages: tuple[str, ...] = Field(
        default=(), description="Life-cycle stages from the lowest to the highest"
    )
    rfm: RfmNote | None = None
    sessions: bool = Field(default=False, description="Whether the archive has sessions")
    tags: tuple[NoteConfig, ...] = ()
    indicators: tuple[IndicatorNote, ...] = ()
    audiences: tuple[NoteConfig, ...] = ()
    models: tuple[NoteConfig, ...] = ()
    lookalikes: tuple[NoteConfig, ...] = ()
