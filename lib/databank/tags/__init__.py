"""Tags: configuration becomes one row per person and tag."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "JOB": "databank.tags.build",
        "PERSON_TAG": "databank.tags.tables",
        "TagConfig": "databank.tags.config",
        "TagsConfig": "databank.tags.config",
        "TagsFile": "databank.tags.config",
        "build_tags": "databank.tags.build",
        "order_tags": "databank.tags.order",
    },
)
