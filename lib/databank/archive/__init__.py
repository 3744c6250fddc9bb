"""The daily archive per person, and what is read from it."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "PERSON_DAY": "databank.archive.tables",
        "ArchiveConfig": "databank.archive.config",
        "TagType": "databank.archive.config",
        "person_frame": "databank.archive.frame",
    },
)
