"""The base of every configuration model."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from databank.hashing import METADATA

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
# words for people: no table depends on them
Note = Annotated[str, METADATA]


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"unknown time zone {value!r}; write an IANA name, for example Asia/Shanghai"
        ) from None
    return value


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class StrictModel(BaseModel):
    """Frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
