"""Whether the files of a table are what its log says, found out without Spark."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs

from databank.tables.commits import Commit, altering_commit, altering_since, commit_of
from databank.tables.outside import first_line, is_elsewhere

_READERS = 8  # files looked into at the same time; most of it is waiting for the storage


@dataclass(frozen=True)
class Finding:
    """Something about a table that the operator should know.

    Attributes:
        subject: The table, or what else of the bank it is about.
        damage: Whether runs or readers fail by it, or answer wrongly.
        fact: What was found.
        remedy: What to do, or what comes of it.
    """

    subject: str
    damage: bool
    fact: str
    remedy: str


class BankFolder:
    """The folders and files below the root of a bank, wherever it lies."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        if is_elsewhere(root):
            uri = self.root.replace("s3a://", "s3://", 1)
            self.system, self.inner = fs.FileSystem.from_uri(uri)
        else:
            self.system, self.inner = fs.LocalFileSystem(), self.root

    def table(self, name: str) -> str:
        """Give the path of a table, with its scheme."""
        return f"{self.root}/{name.replace('.', '/')}"

    def entries(self, path: str, *, deep: bool = False) -> list[fs.FileInfo]:
        """List what lies in a folder; nothing where there is none."""
        selector = fs.FileSelector(f"{self.inner}/{path}", allow_not_found=True, recursive=deep)
        return sorted(self.system.get_file_info(selector), key=lambda info: info.path)

    def names(self, path: str) -> list[str]:
        """List the names in a folder, without those of hidden files."""
        return [i.base_name for i in self.entries(path) if not i.base_name.startswith(".")]

    def tables(self) -> list[str]:
        """Find the folders `<schema>/<table>` that hold a Delta log."""
        return [
            f"{schema.base_name}.{table.base_name}"
            for schema in self.entries("")
            if schema.type == fs.FileType.Directory and schema.base_name[0] not in "_."
            for table in self.entries(schema.base_name)
            if table.type == fs.FileType.Directory
            and self.entries(f"{schema.base_name}/{table.base_name}/_delta_log")
        ]


def examine(bank: BankFolder, table: str, version: int | None) -> Iterator[Finding]:
    """Look into a version of a table, or the newest: its log, its files, what came after it.

    Cost: the listing of its folder, and the footer of each of its files.
    """
    path = bank.table(table)
    files = {info.path: info for info in bank.entries(table.replace(".", "/"), deep=True)}
    if not any("/_delta_log/" in name for name in files):
        lies = "nothing lies at" if not files else "no log of Delta lies at"
        yield Finding(table, True, f"{lies} {path}", restore(path))
        return
    for info in files.values():
        if "/_delta_log/" in info.path and info.path.endswith(".json") and not info.size:
            yield Finding(table, True, f"{info.path} is empty", restore(info.path))
    try:
        held = DeltaTable(path, version=version)
        actions = pa.table(held.get_add_actions(flatten=True)).to_pylist()
    except (DeltaError, OSError) as error:
        fact = f"version {'' if version is None else version} cannot be read: {first_line(error)}"
        yield Finding(table, True, fact, restore(path))
        return
    folder = f"{bank.inner}/{table.replace('.', '/')}"
    with ThreadPoolExecutor(_READERS) as pool:
        faults = list(pool.map(lambda action: _fault(bank, folder, files, action), actions))
    spoilt = [(a["path"], fault) for a, fault in zip(actions, faults, strict=True) if fault]
    if spoilt:
        name, fault = spoilt[0]
        more = f"; {len(spoilt) - 1} more of {len(actions)} files" if len(spoilt) > 1 else ""
        yield Finding(table, True, f"{path}/{name} {fault}{more}", restore(path))


def restore(path: str) -> str:
    """Say how a damaged path is mended."""
    return (
        f"restore {path} from a backup; no file of a table is ever altered, so that any copy made "
        "since then will do"
    )


def commits_of(bank: BankFolder, table: str) -> list[Commit]:
    """List the commits that the log of a table knows still, the oldest first; none if unreadable.

    A log that cannot be read is a finding of `examine`.
    """
    try:
        history = DeltaTable(bank.table(table)).history()
    except (DeltaError, OSError):
        return []
    return [commit_of(int(info["version"]), info) for info in reversed(history)]


def unpublished(commits: list[Commit], version: int) -> list[Commit]:
    """List the commits behind a published version that have altered the table since."""
    return altering_since([commit for commit in commits if commit.version > version], version)


def alteration(bank: BankFolder, ledger: str) -> Finding | None:
    """Find the commit by which somebody else altered a ledger; None if nobody did."""
    culprit = altering_commit(commits_of(bank, ledger))
    if culprit is None:
        return None
    fact = f"version {culprit.version} ({culprit.operation}) was not written by databank"
    remedy = f"bring version {culprit.version - 1} back by Delta's RESTORE"
    return Finding(ledger, True, fact, remedy)


def _fault(
    bank: BankFolder, folder: str, files: dict[str, fs.FileInfo], action: dict[str, Any]
) -> str | None:
    """Tell what is wrong with one file of a table; None if it is sound."""
    path = f"{folder}/{unquote(action['path'])}"
    info = files.get(path)
    if info is None:
        return "is gone"
    if info.size != action["size_bytes"]:
        return f"has {info.size} bytes instead of {action['size_bytes']}"
    try:
        pq.read_metadata(path, filesystem=bank.system)
    except (OSError, pa.ArrowException) as error:
        return f"is no Parquet file any more: {first_line(error)[:100]}"
    return None
