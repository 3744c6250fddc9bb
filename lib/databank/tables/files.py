"""Files of the warehouse through Hadoop: local disk, HDFS and object stores alike."""

import json
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

SCRATCH = "_scratch"  # folder of what runs keep while they run


@dataclass(frozen=True)
class Commit:
    """One commit of a Delta log.

    Attributes:
        adds: Whether it took nothing away and altered nothing.
        restored: The version that it brought back; None where it is no RESTORE.
    """

    version: int
    operation: str
    run_id: str | None
    rows: int
    adds: bool = False
    restored: int | None = None


class Files:
    """The few file operations that the driver needs beside Spark's own reads and writes."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        context: Any = spark.sparkContext
        self._jvm: Any = context._jvm
        # py4j looks for each part of a dotted name in all jars: once is enough
        self._to_path: Any = self._jvm.org.apache.hadoop.fs.Path
        path = self._to_path(root)
        fs = path.getFileSystem(context._jsc.hadoopConfiguration())
        self.root = fs.makeQualified(path).toString()
        # the raw local file system writes no .crc files beside what it writes
        local = fs.getClass().getSimpleName() == "LocalFileSystem"
        self._fs = fs.getRawFileSystem() if local else fs
        self._context = context

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or folder at the path."""
        return bool(self._fs.exists(self._path(path)))

    def names(self, path: str) -> list[str]:
        """List the names in a folder, sorted; an absent folder is empty."""
        if not self.exists(path):
            return []
        return sorted(
            status.getPath().getName() for status in self._fs.listStatus(self._path(path))
        )

    def modified(self, path: str) -> float:
        """When a file was last written, in seconds since 1970."""
        return float(self._fs.getFileStatus(self._path(path)).getModificationTime()) / 1000

    def read(self, path: str) -> str:
        """Read a small text file."""
        stream = self._fs.open(self._path(path))
        try:
            return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def write(self, path: str, text: str) -> None:
        """Replace a small text file."""
        self._store(self._fs.create(self._path(path), True), text)

    def replace(self, path: str, text: str) -> None:
        """Replace a text file that others read meanwhile: they see the old text or the new one."""
        folder, _, name = path.rpartition("/")
        beside = f"{folder}/.{name}.new"
        self.write(beside, text)
        self.move_over(beside, path)

    def move_over(self, path: str, to: str) -> None:
        """Rename a file to the name of another one, which goes."""
        hadoop, configuration = self._jvm.org.apache.hadoop.fs, self._context._jsc
        over = self._context._gateway.new_array(hadoop.Options.Rename, 1)
        over[0] = hadoop.Options.Rename.OVERWRITE
        place, configured = self._fs.getUri(), configuration.hadoopConfiguration()
        files = hadoop.FileContext.getFileContext(place, configured)
        files.rename(self._path(path), self._path(to), over)
        # what the checksummed local file system wrote beside the other one
        folder, _, name = to.rpartition("/")
        self.delete(f"{folder}/.{name}.crc")

    def create(self, path: str, text: str) -> bool:
        """Write a file only if there is none; False if there was one."""
        try:
            stream = self._fs.create(self._path(path), False)
        except Py4JJavaError as error:
            if self.exists(path):
                return False
            raise PermissionError(str(error.java_exception.getMessage())) from error
        self._store(stream, text)
        return True

    def move(self, path: str, to: str) -> bool:
        """Rename a file; False if it was not there (any more)."""
        return bool(self.exists(path) and self._fs.rename(self._path(path), self._path(to)))

    def delete(self, path: str) -> None:
        """Remove a file or a folder with all in it."""
        self._fs.delete(self._path(path), True)

    def last_version(self, table_path: str) -> int | None:
        """Give the newest version in a table's Delta log; None if there is no table."""
        versions = [int(n[:20]) for n in self.names(f"{table_path}/_delta_log") if _is_commit(n)]
        return max(versions, default=None)

    def commit(self, table_path: str, version: int) -> Commit:
        """Tell what the log says of one commit."""
        text = self.read(f"{table_path}/_delta_log/{version:020d}.json")
        for line in text.splitlines():
            action = json.loads(line)
            if "commitInfo" in action:
                info = action["commitInfo"]
                metrics = info.get("operationMetrics", {})
                rows = metrics.get("numOutputRows", metrics.get("numTargetRowsInserted", 0))
                operation = info.get("operation", "?")
                parameters = info.get("operationParameters", {})
                restored = int(parameters["version"]) if operation == "RESTORE" else None
                return Commit(
                    version,
                    operation,
                    info.get("userMetadata"),
                    int(rows),
                    adds=operation == "WRITE" and parameters.get("mode") == "Append",
                    restored=restored,
                )
        return Commit(version, "?", None, 0)

    def _store(self, stream: Any, text: str) -> None:
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()

    def _path(self, path: str) -> Any:
        full = path if "://" in path or path.startswith(("/", "file:")) else f"{self.root}/{path}"
        return self._to_path(full)


def _is_commit(name: str) -> bool:
    return name.endswith(".json") and name[:20].isdigit() and len(name) == 25
