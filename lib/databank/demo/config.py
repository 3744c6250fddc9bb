"""Settings of a generated world: how many people, which days, how dirty."""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from databank.errors import DataBankError

FUTURE_DAYS = 30


def _share(description: str) -> Any:
    """A rate between 0 and 1 that the file must state."""
    return Field(ge=0.0, le=1.0, description=description)


class Dirt(BaseModel):
    """Rates of everything that makes real data hard; all of them stand in conf/dirt.yml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cookie_renewal: float = _share("probability a day that a browser's cookie is replaced")
    second_browser: float = _share("share of persons with a second browser")
    device_renewal: float = _share("probability a day that a device is replaced by a new one")
    second_device: float = _share("share of persons with a second device")
    family_share: float = _share("share of persons in a family of 2-4 with one shared device")
    in_hall: float = _share("share of persons without a family who live in a hall of residence")
    recycled_phone: float = _share("share of persons whose phone number passes to another person")
    cloned_imei: float = _share("share of IMEIs that several phones have in common")
    rings_per_10k: float = Field(
        ge=0.0, le=100.0, description="fraud rings of 5-15 accounts per 10,000 persons"
    )
    placeholder: float = _share("share of identifier fields that hold a placeholder")
    phone_format: float = _share("share of phones written in another format than 11 digits")
    mail_format: float = _share("share of mails in upper case or with blanks around")
    id_case: float = _share("share of IDFA, GAID and OAID in the other letter case")
    crm_phone_typo: float = _share("share of CRM phones with one wrong digit")
    no_address: float = _share("share of persons whose address the CRM does not know")
    address_format: float = _share("share of CRM records with the address in capitals")
    duplicate: float = _share("share of events that are sent twice under the same id")
    late: float = _share("share of events that arrive 1-5 days after they happened")
    broken_line: float = _share("share of JSON lines that are cut off")
    wrong_type: float = _share("share of events with ts = yesterday or amount = abc")
    wrong_clock: float = _share("share of events whose clock is years off")
    bots_per_10k: float = Field(
        ge=0.0, le=100.0, description="bot cookies per 10,000 persons, at least one in the world"
    )
    bot_views: int = Field(ge=1, le=100_000, description="page views of a bot over the history")
    comes_back: float = _share("probability a day that a person who left returns")


class WorldSettings(BaseModel):
    """All that decides the content of a generated world."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    persons: int = Field(ge=1, le=100_000_000, description="number of persons")
    seed: int = Field(ge=0, lt=2**31, description="seed of every random draw")
    first_day: date = Field(default=date(2026, 1, 1), description="first day of the history")
    days: int = Field(default=90, ge=14, le=730, description="days of history")
    dirt: Dirt

    @property
    def last_day(self) -> date:
        """The last day of the history."""
        return self.first_day + timedelta(days=self.days - 1)

    @property
    def next_day(self) -> date:
        """The day whose files wait in arrivals."""
        return self.first_day + timedelta(days=self.days)

    def fingerprint(self) -> str:
        """Twelve hex digits that differ as soon as one setting differs."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def load_dirt(path: str | Path) -> Dirt:
    """Read conf/dirt.yml.

    Raises:
        DataBankError: If the file cannot be read, or a rate is missing, unknown or out of range.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise DataBankError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise DataBankError(f"{path}: write one `name: rate` a line, as in conf/dirt.yml")
    try:
        return Dirt.model_validate(content)
    except ValidationError as error:
        faults = [
            f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise DataBankError("\n".join(faults)) from error
