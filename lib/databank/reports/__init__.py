"""The report: one static HTML page per day, for people who do not query tables."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "JOB": "databank.reports.build",
        "ReportConfig": "databank.reports.config",
        "publish_report": "databank.reports.build",
    },
)
