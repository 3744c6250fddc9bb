"""Where MLflow keeps the runs of a bank: looked into before MLflow is, which would try for minutes.

A bank without a tracking URI keeps them in sqlite below its root. MLflow writes down where the
files of a run lie, as full paths: in a bank that was copied or moved they are set right.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from databank.errors import DataBankError

P = ParamSpec("P")
R = TypeVar("R")

_SECONDS = 30  # that a database of another process, or a server, is waited for
# the places of files in MLflow's database
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


class Tracking(NamedTuple):
    """Where runs are tracked; `artifacts` is None where the server decides where files go."""

    uri: str
    artifacts: str | None


def open_tracking(root: str, uri: str | None) -> Tracking:
    """Make sure that runs can be tracked, and that the files of earlier ones are found.

    Raises:
        DataBankError: If the server cannot be reached, the database is damaged or another process
            holds it, or there is no tracking URI and the root is not a local folder.
    """
    if uri is not None:
        if uri.startswith(("http://", "https://")):
            _refuse_unreachable(uri)
        return Tracking(uri, None)
    folder = _local(root) / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    database, artifacts = folder / "mlflow.db", (folder / "artifacts").as_uri()
    if database.exists():
        with _damage_named(database):
            _set_places(database, artifacts)
    return Tracking(f"sqlite:///{database}", artifacts)


def names_faults(method: Callable[P, R]) -> Callable[P, R]:
    """Have a method that uses MLflow say in one line that its database, or server, is at fault."""

    @wraps(method)
    def named(*args: P.args, **kwargs: P.kwargs) -> R:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import DBAPIError

        try:
            return method(*args, **kwargs)
        except (MlflowException, DBAPIError, OSError) as error:
            line = _fault(error)
            if line is None:
                raise
            raise DataBankError(f"MLflow: {line}") from None

    return named


def _fault(error: Exception) -> str | None:
    text = str(error)
    if "database is locked" in text:
        return f"its database is held by another process for more than {_SECONDS} s; run it again"
    if "malformed" in text or "not a database" in text:
        return "its database is damaged; restore mlflow/mlflow.db of the root from a backup"
    if "disk is full" in text:
        return "no space is left on a disk; free some, and run it again"
    if "Failed to download artifacts" in text or "No such artifact" in text:
        return (
            "files of a model are gone; restore mlflow/artifacts of the root from a backup, or "
            "remove its alias champion and run train_model"
        )
    if "API request to" in text or "Max retries exceeded" in text:
        return "the server of tracking_uri does not answer; start it, or correct tracking_uri"
    return None


def _set_places(database: Path, artifacts: str) -> None:
    """Let paths that MLflow wrote down in another folder begin with that of this bank."""
    with closing(sqlite3.connect(database, timeout=_SECONDS, isolation_level=None)) as db:
        # fails at once where the file is no database, and waits where another process writes
        db.execute("BEGIN IMMEDIATE")
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        if any(table not in tables for table, _ in _PLACES):
            return  # MLflow has not made its tables yet
        rows = db.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        for (former,) in rows:
            if former == artifacts or not str(former).endswith("/mlflow/artifacts"):
                continue
            for table, column in _PLACES:
                db.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (artifacts, len(former) + 1, former, len(former) + 1, f"{former}/"),
                )
        db.execute("COMMIT")


@contextmanager
def _damage_named(database: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise DataBankError(f"{database}: cannot be opened ({error})") from None
        holder = _holder(database)
        by = f"process {holder}" if holder else "another process"
        raise DataBankError(
            f"{database}: {by} has held it for more than {_SECONDS} s; wait for it, or stop it"
        ) from None
    except sqlite3.DatabaseError as error:
        raise DataBankError(
            f"{database}: is damaged ({error}); restore it from a backup, or move it away: models "
            "are then trained anew, and former champions are lost"
        ) from None


def _holder(database: Path) -> int | None:
    """Find the process that holds a lock on a file of this machine; None if it is not told."""
    try:
        inode = str(database.stat().st_ino)
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for fields in (line.split() for line in lines):
        if "WRITE" in fields and any(field.endswith(f":{inode}") for field in fields):
            return int(fields[fields.index("WRITE") + 1])
    return None


def _refuse_unreachable(uri: str) -> None:
    # later requests are bounded, too: MLflow would try one for ten minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(_SECONDS))
    try:
        urlopen(uri, timeout=_SECONDS / 3).close()
    except HTTPError:
        return  # it has answered
    except (OSError, ValueError) as error:
        # a user and a password may be part of it
        host = urlsplit(uri).netloc.rpartition("@")[2]
        reason = getattr(error, "reason", error)
        raise DataBankError(
            f"tracking_uri: the server at {host} cannot be reached ({reason}); start it, or "
            "correct tracking_uri in conf/databank.yml"
        ) from None


def _local(root: str) -> Path:
    parts: Any = urlsplit(root)
    if parts.scheme not in ("", "file"):
        raise DataBankError(
            f"--root {root}: sqlite cannot lie there; set tracking_uri in conf/databank.yml to a "
            "tracking server"
        )
    return Path(unquote(parts.path)).resolve()
