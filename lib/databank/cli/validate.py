"""`databank validate --json`: the verdict on a configuration, for programs."""

from typing import Any

from databank.errors import ConfigFaultsError
from databank.project.bank_values import bank_warnings
from databank.project.load import load_project


def checked(conf_dir: str, root: str) -> dict[str, Any]:
    """Check a configuration; its faults come back as objects.

    Returns:
        valid, counts (entries of each kind, of a valid one), faults (file, place, message, remedy),
        warnings (lines on what the bank at the root has never had).
    """
    try:
        project = load_project(conf_dir)
    except ConfigFaultsError as error:
        faults = [
            {"file": fault.file, "place": fault.key, "message": fault.wrong, "remedy": fault.remedy}
            for fault in error.faults
        ]
        return {"valid": False, "counts": {}, "faults": faults, "warnings": []}
    warnings = bank_warnings(project, root)
    return {"valid": True, "counts": project.counts(), "faults": [], "warnings": warnings}
