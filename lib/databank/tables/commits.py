"""What Delta's log says of commits: whose they are, and whether a ledger was altered by them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "databank:"  # commits of databank carry this and the run id as userMetadata
# they move or remove files, and alter no row
_HARMLESS = {"OPTIMIZE", "VACUUM START", "VACUUM END"}


@dataclass(frozen=True)
class Commit:
    """One commit of a Delta log.

    Attributes:
        run_id: What the log says of who wrote it: `databank:` and a run id where databank did.
        adds: Whether it took nothing away and altered nothing.
        restored: The version that it brought back; None where it is no RESTORE.
    """

    version: int
    operation: str
    run_id: str | None
    rows: int
    adds: bool = False
    restored: int | None = None

    @property
    def run(self) -> str | None:
        """Give the run of databank that made it; None for a commit of somebody else."""
        named = self.run_id or ""
        return named.removeprefix(PREFIX) if named.startswith(PREFIX) else None

    @property
    def alters(self) -> bool:
        """Tell whether it may have changed rows; VACUUM and OPTIMIZE do not."""
        return self.operation not in _HARMLESS


def commit_of(version: int, info: Mapping[str, Any]) -> Commit:
    """Read the commitInfo of a log entry."""
    metrics = info.get("operationMetrics", {})
    rows = metrics.get("numOutputRows", metrics.get("numTargetRowsInserted", 0))
    operation = info.get("operation", "?")
    parameters = info.get("operationParameters", {})
    return Commit(
        version,
        operation,
        info.get("userMetadata"),
        int(rows),
        adds=operation == "WRITE" and parameters.get("mode") == "Append",
        restored=int(parameters["version"]) if operation == "RESTORE" else None,
    )


def parse_commit(version: int, text: str) -> Commit:
    """Read a file of Delta's log.

    Raises:
        ValueError: If it holds something else.
    """
    if not text.strip():
        raise ValueError("the file is empty")
    for line in text.splitlines():
        action = json.loads(line)
        if "commitInfo" in action:
            return commit_of(version, action["commitInfo"])
    return Commit(version, "?", None, 0)


def altering_since(commits: Iterable[Commit], wanted: int) -> list[Commit]:
    """Keep the commits by which a table is no longer what it was at a version.

    Args:
        commits: Those after the version, the oldest first.
        wanted: The version.
    """
    kept: list[Commit] = []
    for commit in commits:
        # RESTORE undoes all before it
        kept = [] if commit.restored == wanted else [*kept, *([commit] if commit.alters else [])]
    return kept


def altering_commit(commits: Iterable[Commit]) -> Commit | None:
    """Find the commit by which a ledger ceased to hold what databank appended to it; None = none.

    Args:
        commits: Of the ledger, the oldest first; Delta may have cleared the first of them.
    """
    appended, kept, culprit = 0, 0, None
    states: dict[int, tuple[int, Commit | None]] = {}
    for commit in commits:
        if commit.restored is not None:
            # it may bring back all that another RESTORE or DELETE had taken
            kept, culprit = states.get(commit.restored, (0, None))
            culprit = culprit if kept == appended else culprit or commit
        elif commit.run is not None:
            appended, kept = appended + 1, kept + 1
        elif commit.alters:
            culprit = culprit or commit
        states[commit.version] = kept, culprit
    return culprit
