"""conf/archive.yml: which dimensions of an event the archive keeps apart, and what a session is."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from databank.config import Name, StrictModel
from databank.errors import ManyFaultsError, did_you_mean, faults_in
from databank.expressions import parse_expression
from databank.expressions.macros import ANY_EVENT, LONGEST_EVENT
from databank.expressions.parse import day_faults

# names that filters of windows know already
_COLUMNS = frozenset(
    {"person_id", "day", "terminal", "event", "dims_json", "dims", "n", "amounts", "amount"}
    | {"amount_max", "amount_min", "quantity", "first_ts", "last_ts", "synthetic"}
)
# columns of core.events that tell of one event alone
_OF_AN_EVENT = (
    "source", "event_id", "event_ts", "day", "event", "terminal", "page",
    "item_id", "quantity", "amount", "campaign", "props",
)  # fmt: skip
CHANNEL, PAGE = "channel", "page"
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
# how tags and indicators name the event whose rows they look at: as the sources call it
Event = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_EVENT, description="Event, as it is sent; * for any"),
]


def _one_event(value: str) -> str:
    if value == ANY_EVENT:
        raise ValueError("* is any event, and one is wanted here; write its name")
    return value


EventName = Annotated[
    str, Field(min_length=1, max_length=LONGEST_EVENT), AfterValidator(_one_event)
]
TagType = Literal["boolean", "count", "number", "text", "date"]
# type of a tag -> Spark type of its values
SPARK_TYPES: dict[TagType, str] = {
    "boolean": "boolean", "count": "double", "number": "double", "text": "string", "date": "date",
}  # fmt: skip


class DwellConfig(StrictModel):
    """How long persons view which page, within their sessions."""

    name: Name = Field(
        default="dwell", description="The event that this is in the archive, for windows"
    )
    page: str | None = Field(
        default=None,
        min_length=1,
        description="Spark SQL over core.events: what is looked at; default: the address. "
        "Rows of the archive are kept apart by it: few values keep it small",
    )

    @field_validator("page")
    @classmethod
    def _over_events(cls, value: str | None) -> str | None:
        return None if value is None else _of_events(value)


class SessionsConfig(StrictModel):
    """What a session is, and where its channel is read from."""

    timeout: str = Field(
        default="30 minutes", description="A longer pause begins a new session: 30 minutes, 1 hour"
    )
    name: Name = Field(
        default="visit", description="The event that sessions are in the archive, for windows"
    )
    events: tuple[EventName, ...] | None = Field(
        default=None, min_length=1, description="Only these make sessions; default: all"
    )
    url: str = Field(
        default="page", min_length=1, description="Spark SQL over core.events: the address"
    )
    referrer: str = Field(
        default="props['referrer']",
        min_length=1,
        description="Spark SQL over core.events: the address before it",
    )
    dwell: DwellConfig | None = Field(
        default=None, description="Without it, time on pages is nothing that windows can ask for"
    )

    @field_validator("timeout")
    @classmethod
    def _duration(cls, value: str) -> str:
        if not 0 < _seconds(value) < 24 * 3600:
            raise ValueError(
                f"{value!r} is no length of a pause; write 30 minutes, 90 seconds or 1 hour "
                "(less than a day: sessions end with it)"
            )
        return value

    @field_validator("url", "referrer")
    @classmethod
    def _over_events(cls, value: str) -> str:
        return _of_events(value)

    @model_validator(mode="after")
    def _names_differ(self) -> "SessionsConfig":
        if self.dwell is not None and self.dwell.name == self.name:
            raise ValueError(f"sessions and `dwell` are both {self.name!r}; call one otherwise")
        return self

    @property
    def seconds(self) -> int:
        """The longest pause within a session."""
        return _seconds(self.timeout)

    @property
    def dimensions(self) -> dict[str, str]:
        """The events that are made of sessions, each with what it is told apart by."""
        dwell = {self.dwell.name: PAGE} if self.dwell is not None else {}
        return {self.name: CHANNEL, **dwell}


def _of_events(text: str, *, what: str = "addresses") -> str:
    """The same Spark SQL, if it reads columns of core.events alone; `what` it is, for errors."""
    expression = parse_expression(text)
    faults = [f"macros are not for {what}; use columns"] if expression.macros else []
    faults += day_faults(expression, where=what)
    for name in sorted(expression.names - set(_OF_AN_EVENT)):
        faults.append(f"unknown column {name!r}; {did_you_mean(name, _OF_AN_EVENT)}")
    if faults:
        raise ManyFaultsError(faults)
    return text


def _seconds(text: str) -> int:
    """Seconds of `30 minutes`; 0 for what is none."""
    read = re.fullmatch(r"\s*([0-9]{1,5})\s*(second|minute|hour)s?\s*", text)
    return int(read[1]) * _SECONDS[read[2]] if read else 0


class ArchiveConfig(StrictModel):
    """Extra dimensions by event: name -> Spark SQL over core.events; and sessions.

    Rows of the archive are kept apart by them, so that filters of windows can use them; a
    dimension with many values makes the archive as large as the events.

    Attributes:
        dimensions: Event -> name of a dimension -> Spark SQL over core.events.
    """

    dimensions: dict[EventName, dict[Name, str]] = Field(default_factory=dict)
    sessions: SessionsConfig | None = Field(
        default=None, description="Without it no sessions are made; all events are sorted for them"
    )

    @field_validator("dimensions")
    @classmethod
    def _readable(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        faults: list[str] = []
        for event, dimensions in value.items():
            for name, text in dimensions.items():
                where = f"{event}.{name}: "
                if name in _COLUMNS:
                    faults.append(f"{where}the archive has a column of this name; choose another")
                try:
                    _of_events(text, what="dimensions")
                except ValueError as error:
                    faults += ["; ".join(fault) for fault in faults_in(error, of=where)]
        if faults:
            raise ManyFaultsError(faults)
        return value

    @model_validator(mode="after")
    def _sessions_apart(self) -> "ArchiveConfig":
        for name in sorted(self.dimensions.keys() & self.synthetic_events.keys()):
            raise ValueError(
                f"dimensions.{name}: what is made of sessions has this name, and is told apart by "
                f"{self.synthetic_events[name]} alone; remove it, or call that otherwise (sessions)"
            )
        return self

    @property
    def synthetic_events(self) -> dict[str, str]:
        """Events that sources do not have, each with its dimension: sessions, dwell times."""
        return self.sessions.dimensions if self.sessions is not None else {}

    def names_of(self, event: str) -> tuple[str, ...]:
        """Names of the dimensions of an event."""
        if event in self.synthetic_events:
            return (self.synthetic_events[event],)
        return tuple(sorted(self.dimensions.get(event, {})))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all dimensions, of whichever event."""
        events = [*self.dimensions, *self.synthetic_events]
        return tuple(sorted({name for event in events for name in self.names_of(event)}))
