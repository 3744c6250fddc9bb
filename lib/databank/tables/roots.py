"""Warehouses as people name them."""

from pathlib import Path

from databank.errors import DataBankError


def require_root(root: str) -> None:
    """Refuse a folder that is not there; a store elsewhere is met when it is read.

    Raises:
        DataBankError: If the folder does not exist.
    """
    if "://" not in root and not Path(root).is_dir():
        raise DataBankError(f"--root {root}: there is no such folder; give that of a warehouse")
