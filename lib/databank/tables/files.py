"""Files of the warehouse beside its tables; those of a local disk need no Spark."""

import os
import shutil
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from databank.tables.commits import Commit, parse_commit
from databank.tables.damage import damaged

SCRATCH = "_scratch"  # folder of what runs keep while they run
BEGUN = "_begun"  # a file for each run that has begun to write and is not recorded yet
_READERS = 8  # commits read at the same time; most of it is waiting for the storage


class Files(ABC):
    """The few file operations that the driver needs beside Spark's own reads and writes.

    A path is absolute, or begins at the root.

    Attributes:
        root: The warehouse, with its scheme.
    """

    root: str

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Tell whether there is a file or folder at the path."""

    @abstractmethod
    def names(self, path: str) -> list[str]:
        """List the names in a folder, sorted; an absent folder is empty."""

    @abstractmethod
    def modified(self, path: str) -> float:
        """When a file was last written, in seconds since 1970."""

    @abstractmethod
    def read(self, path: str) -> str:
        """Read a small text file; what is no UTF-8 in it is replaced."""

    @abstractmethod
    def write(self, path: str, text: str) -> None:
        """Replace a text file: whoever reads it finds the old text or the new one, whole."""

    @abstractmethod
    def move_over(self, path: str, to: str) -> None:
        """Rename a file to the name of another one, which goes."""

    @abstractmethod
    def create(self, path: str, text: str) -> bool:
        """Write a file only if there is none; False if there was one.

        Raises:
            PermissionError: If the file cannot be written.
        """

    @abstractmethod
    def create_private(self, path: str, text: str) -> bool:
        """Write a file that its owner alone may read, only if there is none; False if there was.

        Object stores have no modes of files: there the rights of the bucket hold.
        """

    @abstractmethod
    def move(self, path: str, to: str) -> bool:
        """Rename a file; False if it was not there (any more)."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove a file or a folder with all in it."""

    def versions(self, table_path: str) -> list[int]:
        """List the versions of which a table's Delta log has the commit still, ascending."""
        return [int(n[:20]) for n in self.names(f"{table_path}/_delta_log") if _is_commit(n)]

    def last_version(self, table_path: str) -> int | None:
        """Give the newest version in a table's Delta log; None if there is no table."""
        return max(self.versions(table_path), default=None)

    def commit(self, table_path: str, version: int) -> Commit:
        """Tell what the log says of one commit.

        Raises:
            DamagedTableError: If its file holds something else.
        """
        path = f"{table_path}/_delta_log/{version:020d}.json"
        try:
            return parse_commit(version, self.read(path))
        except ValueError as error:
            raise damaged(path, f"is no commit of Delta ({error})") from None

    def commits(self, table_path: str, since: int = -1) -> list[Commit]:
        """List the commits after a version that the log has still, the oldest first.

        Raises:
            DamagedTableError: If a file of the log holds something else.
        """
        wanted = [version for version in self.versions(table_path) if version > since]
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(lambda version: self.commit(table_path, version), wanted))


class LocalFiles(Files):
    """Files of this machine; a lease on them can be given back when the JVM is dead."""

    def __init__(self, root: str, folder: Path) -> None:
        self.root, self._folder = root, folder

    def exists(self, path: str) -> bool:
        return self._at(path).exists()

    def names(self, path: str) -> list[str]:
        folder = self._at(path)
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def modified(self, path: str) -> float:
        return self._at(path).stat().st_mtime

    def read(self, path: str) -> str:
        return self._at(path).read_text(encoding="utf-8", errors="replace")

    def write(self, path: str, text: str) -> None:
        at = self._at(path)
        at.parent.mkdir(parents=True, exist_ok=True)
        beside = at.with_name(f".{at.name}.new")
        try:
            beside.write_text(text, encoding="utf-8")
            self.move_over(str(beside), str(at))
        finally:
            beside.unlink(missing_ok=True)

    def move_over(self, path: str, to: str) -> None:
        at = self._at(to)
        # Hadoop writes the checksum of a file beside it, and refuses another file by it
        at.with_name(f".{at.name}.crc").unlink(missing_ok=True)
        self._at(path).replace(at)

    def create(self, path: str, text: str) -> bool:
        try:
            self._at(path).parent.mkdir(parents=True, exist_ok=True)
            with self._at(path).open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            if self.exists(path):
                return False
            raise PermissionError(str(error)) from error
        return True

    def create_private(self, path: str, text: str) -> bool:
        at = self._at(path)
        at.parent.mkdir(parents=True, exist_ok=True)
        at.parent.chmod(0o700)
        try:
            opened = os.open(at, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return False
        with open(opened, "w", encoding="utf-8") as file:
            file.write(text)
        return True

    def move(self, path: str, to: str) -> bool:
        try:
            self._at(path).rename(self._at(to))
        except FileNotFoundError:
            return False
        return True

    def delete(self, path: str) -> None:
        at = self._at(path)
        if at.is_dir() and not at.is_symlink():
            shutil.rmtree(at, ignore_errors=False)
        else:
            at.unlink(missing_ok=True)

    def _at(self, path: str) -> Path:
        return self._folder / local_path(path)


def _is_commit(name: str) -> bool:
    return name.endswith(".json") and name[:20].isdigit() and len(name) == 25


def local_path(path: str) -> str:
    """Give a path of a local disk without its scheme."""
    return path.removeprefix("file:")
