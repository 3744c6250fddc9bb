"""Runs: lease, restore, step, publish, record; the same for every job."""

from typing import TYPE_CHECKING

from databank.lazy import lazy_exports

if TYPE_CHECKING:
    from databank.runs.context import Context, StepResult, Summary
    from databank.runs.job import Job
    from databank.runs.opening import open_runner
    from databank.runs.progress import Progress
    from databank.runs.runner import Outcome, Runner

    __all__ = [
        "Context", "Job", "Outcome", "Progress", "Runner", "StepResult", "Summary", "open_runner",
    ]  # fmt: skip
else:
    # who only asks whether a run is alive needs no Spark
    __getattr__, __all__ = lazy_exports(
        __name__,
        {
            "Context": "databank.runs.context",
            "Job": "databank.runs.job",
            "Outcome": "databank.runs.runner",
            "Progress": "databank.runs.progress",
            "Runner": "databank.runs.runner",
            "StepResult": "databank.runs.context",
            "Summary": "databank.runs.context",
            "open_runner": "databank.runs.opening",
        },
    )
