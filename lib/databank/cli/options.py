"""Options that commands share: what they take, what they refuse, what a shell completes."""

import os
from typing import Annotated

import typer

from databank.cli import complete
from databank.errors import DataBankError
from databank.tables.outside import refuse_no_folder

CONF, ROOT = "conf", ".databank"


def _refuse_conf(folder: str) -> str:
    """Refuse a folder that is not there; the default one may be missing where nothing reads it.

    Raises:
        DataBankError: If it is given, and is empty text or no folder.
    """
    if not folder.strip():
        raise DataBankError("--conf-dir: is empty; give the folder of a configuration")
    # not by Path, which raises where a folder above may not be entered
    if folder != CONF and not os.path.isdir(folder):
        what = "is no folder" if os.path.exists(folder) else "does not exist"
        raise DataBankError(
            f"--conf-dir {folder}: the configuration folder {what}; give the one that holds "
            "identity.yml"
        )
    return folder


def _refuse_root(root: str) -> str:
    refuse_no_folder(root)
    return root


ConfDir = Annotated[
    str,
    typer.Option("--conf-dir", help="Folder of the configuration.", callback=_refuse_conf),
]
Root = Annotated[
    str,
    typer.Option(
        "--root",
        help="Warehouse: a folder, or an hdfs:// or s3a:// path.",
        callback=_refuse_root,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
IdType = Annotated[
    str,
    typer.Argument(
        help="Type of the identifier, e.g. phone; or person_id.",
        autocompletion=complete.identifier_types,
    ),
]
Source = Annotated[
    str | None,
    typer.Option("--source", help="Of one source alone.", autocompletion=complete.sources),
]
