"""Files of the warehouse on HDFS and on object stores, through Hadoop."""

from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from databank.tables.files import Files, LocalFiles
from databank.tables.outside import refuse_blank_root


def files_of(spark: SparkSession, root: str) -> Files:
    """Give the files of a warehouse; those of a local disk need no JVM from then on.

    Raises:
        DataBankError: If the root is empty.
    """
    refuse_blank_root(root)
    context: Any = spark.sparkContext
    path = context._jvm.org.apache.hadoop.fs.Path(root)
    fs = path.getFileSystem(context._jsc.hadoopConfiguration())
    qualified = fs.makeQualified(path)
    uri = qualified.toUri()
    # by its scheme: Hadoop has several classes for the local disk
    if uri.getScheme() == "file":
        return LocalFiles(qualified.toString(), Path(uri.getPath()))
    return HadoopFiles(context, fs, qualified.toString())


class HadoopFiles(Files):
    """Files of HDFS and of object stores, through Hadoop."""

    def __init__(self, context: Any, fs: Any, root: str) -> None:
        self.root, self._fs, self._context = root, fs, context
        self._jvm: Any = context._jvm
        # py4j looks for each part of a dotted name in all jars: once is enough
        self._to_path: Any = self._jvm.org.apache.hadoop.fs.Path

    def exists(self, path: str) -> bool:
        return bool(self._fs.exists(self._path(path)))

    def names(self, path: str) -> list[str]:
        if not self.exists(path):
            return []
        return sorted(
            status.getPath().getName() for status in self._fs.listStatus(self._path(path))
        )

    def modified(self, path: str) -> float:
        return float(self._fs.getFileStatus(self._path(path)).getModificationTime()) / 1000

    def read(self, path: str) -> str:
        stream = self._fs.open(self._path(path))
        try:
            return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def write(self, path: str, text: str) -> None:
        if not self.root.startswith("hdfs:"):  # an object store shows a file when it is whole
            self._store(self._fs.create(self._path(path), True), text)
            return
        folder, _, name = path.rpartition("/")
        beside = f"{folder}/.{name}.new"
        self._store(self._fs.create(self._path(beside), True), text)
        self.move_over(beside, path)

    def move_over(self, path: str, to: str) -> None:
        hadoop = self._jvm.org.apache.hadoop.fs
        over = self._context._gateway.new_array(hadoop.Options.Rename, 1)
        over[0] = hadoop.Options.Rename.OVERWRITE
        configuration = self._context._jsc.hadoopConfiguration()
        files = hadoop.FileContext.getFileContext(self._fs.getUri(), configuration)
        files.rename(self._path(path), self._path(to), over)

    def create(self, path: str, text: str) -> bool:
        try:
            stream = self._fs.create(self._path(path), False)
        except Py4JJavaError as error:
            if self.exists(path):
                return False
            raise PermissionError(str(error.java_exception.getMessage())) from error
        self._store(stream, text)
        return True

    def create_private(self, path: str, text: str) -> bool:
        modes = self._context._jvm.org.apache.hadoop.fs.permission.FsPermission
        folder = path.rpartition("/")[0]
        self._fs.mkdirs(self._path(folder))
        self._fs.setPermission(self._path(folder), modes("700"))
        if not self.create(path, text):
            return False
        self._fs.setPermission(self._path(path), modes("600"))
        return True

    def move(self, path: str, to: str) -> bool:
        return bool(self.exists(path) and self._fs.rename(self._path(path), self._path(to)))

    def delete(self, path: str) -> None:
        self._fs.delete(self._path(path), True)

    def _store(self, stream: Any, text: str) -> None:
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()

    def _path(self, path: str) -> Any:
        full = path if "://" in path or path.startswith(("/", "file:")) else f"{self.root}/{path}"
        return self._to_path(full)
