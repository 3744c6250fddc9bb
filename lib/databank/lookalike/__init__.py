"""Lookalikes: an audience widened to the persons who are most like it."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "GAIN": "databank.lookalike.tables",
        "MEMBER": "databank.lookalike.tables",
        "LookalikeConfig": "databank.lookalike.config",
        "LookalikesConfig": "databank.lookalike.config",
        "expand_lookalikes": "databank.lookalike.build",
    },
)
