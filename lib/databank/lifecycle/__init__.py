"""The life cycle: stages of persons, the flow between them, and RFM."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "FLOW": "databank.lifecycle.tables",
        "JOB": "databank.lifecycle.build",
        "LifecycleConfig": "databank.lifecycle.config",
        "LifecycleJobConfig": "databank.lifecycle.config",
        "RFM": "databank.lifecycle.tables",
        "STAGE": "databank.lifecycle.tables",
        "build_lifecycle": "databank.lifecycle.build",
    },
)
