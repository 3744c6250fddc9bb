"""Runs: lease, restore, step, publish, record; the same for every job."""

from databank.runs.context import Context, StepResult, Summary
from databank.runs.progress import Progress
from databank.runs.runner import Job, Outcome, Runner

__all__ = ["Context", "Job", "Outcome", "Progress", "Runner", "StepResult", "Summary"]
