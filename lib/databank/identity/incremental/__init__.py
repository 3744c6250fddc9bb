"""Incremental solving: what a run has to solve again, all or only what new evidence affects."""
