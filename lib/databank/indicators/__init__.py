"""Indicators: daily figures, retention and funnels of configuration become one table for BI."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "INDICATOR": "databank.indicators.tables",
        "JOB": "databank.indicators.build",
        "IndicatorConfig": "databank.indicators.config",
        "IndicatorsConfig": "databank.indicators.config",
        "IndicatorsFile": "databank.indicators.config",
        "build_indicators": "databank.indicators.build",
    },
)
