"""What to do after the demo: commands that work as they are printed, from where it was started."""

import os
import shlex
import sys
from datetime import date
from pathlib import Path

# scripts/demo goes to its own folder before it starts; it names the folder it was called from
STARTED_IN = "DATABANK_STARTED_IN"
_NOTEBOOK = Path("notebooks") / "finished_bank.ipynb"


def next_steps(
    *,
    root: str,
    conf_dir: str,
    next_day: date,
    tracking_uri: str | None = None,
    programs: Path | None = None,
    started_in: Path | None = None,
) -> list[tuple[str, str]]:
    """List what can be done with a finished demo bank.

    Args:
        root: The warehouse, a local folder.
        conf_dir: As given by --conf-dir.
        next_day: Day whose files wait in arrivals.
        tracking_uri: Of the MLflow server; None = the database under the root.
        programs: Folder of the installed commands; default: that of this Python.
        started_in: Folder from which the commands are typed; default: that of scripts/demo's
            caller, else the working folder.

    Returns:
        (purpose, command or path), in the order in which a reader would try them.
    """
    typed_in = started_in or Path(os.environ.get(STARTED_IN) or Path.cwd())
    binaries = programs or Path(sys.executable).parent

    def shown(path: str | Path) -> str:
        # a link such as .venv/bin/python is named as it stands, not by what it leads to
        whole = Path(os.path.abspath(path))
        near = whole.is_relative_to(typed_in)
        return shlex.quote(str(whole.relative_to(typed_in) if near else whole))

    databank = shown(binaries / "databank")
    where = f"--conf-dir {shown(conf_dir)} --root {shown(root)}"
    tracking = tracking_uri or f"sqlite:///{os.path.abspath(root)}/mlflow/mlflow.db"
    steps = [
        ("open the report", shown(f"{root}/reports/latest.html")),
        (
            "let the next day arrive",
            f"cp -r {shown(f'{root}/arrivals')}/. {shown(f'{root}/landing')}/ "
            f"&& {databank} run all {where} --date {next_day}",
        ),
        (
            "compare the models",
            f"{shown(binaries / 'mlflow')} ui --backend-store-uri {shlex.quote(tracking)}",
        ),
    ]
    if _NOTEBOOK.exists():
        python, bank = shown(binaries / "python"), shlex.quote(os.path.abspath(root))
        steps.append(
            (
                "query the tables in a notebook",
                f"{python} -m pip install notebook && DATABANK_ROOT={bank} "
                f"{python} -m notebook {shown(_NOTEBOOK)}",
            )
        )
    return steps
