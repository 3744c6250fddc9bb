"""Warehouses as people name them."""

from pathlib import Path

from databank.errors import DataBankError


def is_there(root: str) -> bool:
    """Whether the folder exists; a store elsewhere is taken to be there until it is read."""
    return "://" in root or Path(root).is_dir()


def require_root(root: str) -> None:
    """Refuse a folder that is not there; a store elsewhere is met when it is read.

    Raises:
        DataBankError: If the folder does not exist.
    """
    if not is_there(root):
        raise DataBankError(f"--root {root}: there is no such folder; give that of a warehouse")
