"""Audiences: conditions over tags, events, stages and scores become lists of persons."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "JOB": "databank.audiences.build",
        "MEMBER": "databank.audiences.tables",
        "AudienceConfig": "databank.audiences.config",
        "AudiencesConfig": "databank.audiences.config",
        "build_audiences": "databank.audiences.build",
    },
)
