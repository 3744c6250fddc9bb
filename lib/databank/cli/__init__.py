"""The command line, and the runner of jobs/*.py."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "main": "databank.cli.main",
        "run_job": "databank.cli.main",
    },
)
