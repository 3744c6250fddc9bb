"""conf/databank.yml: what holds for the whole bank."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from databank.config.model import StrictModel, TimeZone
from databank.config.spark_options import refuse_options

Options = dict[str, str | int | float | bool]


def _tuning(options: Options) -> Options:
    refuse_options(options)
    return options


class Settings(StrictModel):
    """Settings of the bank; every one has a default that suits a laptop."""

    name: str = Field(default="databank", description="Shown as the title of the report")
    timezone: TimeZone = Field(
        default="UTC", description="Business time zone; `day` columns follow it"
    )
    currency: str = Field(default="", description="Unit of amounts, shown in the report")
    tracking_uri: str | None = Field(
        default=None, description="MLflow tracking URI; default: sqlite under the root"
    )
    lease_seconds: int = Field(
        default=600, ge=10, description="A lease of another host is taken over after this silence"
    )
    erasure_secret: str | None = Field(
        default=None,
        description="Secret that erased identifiers are hashed with, `${NAME}` of the environment; "
        "older ones behind it, a blank between; default: the file _secret/erasure under the root",
    )
    files: Literal["owner", "group", "everyone"] = Field(
        default="owner", description="Who may read the files of the bank"
    )
    spark: Annotated[Options, AfterValidator(_tuning)] = Field(
        default_factory=dict,
        description="Options that tune Spark; they win over the built-in profile",
    )

    @property
    def umask(self) -> int:
        """Give the rights that files of the bank do not have."""
        return {"owner": 0o077, "group": 0o027, "everyone": 0o022}[self.files]
