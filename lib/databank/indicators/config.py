"""conf/indicators/*.yml: daily figures, retention and funnels, and the registry of their kinds."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field, PlainValidator

from databank.archive.config import ArchiveConfig
from databank.config import StrictModel
from databank.config.kinds import Kinds
from databank.indicators.kinds import (
    ActiveIndicator,
    CountIndicator,
    FunnelIndicator,
    IndicatorBase,
    NewIndicator,
    RetentionIndicator,
    ReturningIndicator,
    SumIndicator,
)

INDICATOR_KINDS = Kinds[IndicatorBase]("indicator", IndicatorBase)  # type: ignore[type-abstract]
INDICATOR_KINDS.register(ActiveIndicator)
INDICATOR_KINDS.register(CountIndicator)
INDICATOR_KINDS.register(FunnelIndicator)
INDICATOR_KINDS.register(NewIndicator)
INDICATOR_KINDS.register(RetentionIndicator)
INDICATOR_KINDS.register(ReturningIndicator)
INDICATOR_KINDS.register(SumIndicator)


class IndicatorsFile(StrictModel):
    """One file of conf/indicators."""

    indicators: list[Annotated[IndicatorBase, PlainValidator(INDICATOR_KINDS.read)]] = Field(
        min_length=1
    )


@dataclass(frozen=True)
class IndicatorsConfig:
    """What the job needs: the active indicators of all files, and the archive's dimensions."""

    indicators: tuple[IndicatorBase, ...]
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)
