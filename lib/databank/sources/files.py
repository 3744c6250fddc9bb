"""Files of the sources: which are there, which are new, which can be read."""

import csv
import fnmatch
import gzip
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from databank.errors import DataBankError
from databank.sources.config import SourceConfig

_HEADER = 1 << 16  # bytes that a header line may have
_READERS = 8  # files looked into at the same time; most of it is waiting for the storage


@dataclass(frozen=True)
class SourceFile:
    """One file of a source, or one version of a Delta table.

    Attributes:
        name: As shown and stored: relative to the root where it lies under it.
        path: Where Spark and Arrow find it.
        base: The part of `name` before the first folder or file with a wildcard.
        header: Columns of a CSV file in their order; empty for other formats.
        types: Columns of a Parquet file with their types, as text; empty for other formats.
        status: ok, or why it cannot be loaded, with the reason beside it.
    """

    source: str
    name: str
    path: str
    base: str
    bytes: int
    modified: datetime
    header: tuple[str, ...] = ()
    types: str = ""
    status: str = "ok"
    reason: str | None = None
    first_line: str | None = None


@dataclass(frozen=True)
class KnownFile:
    """What raw.file says of a file."""

    bytes: int
    modified: datetime
    status: str


def file_system(path: str) -> tuple[fs.FileSystem, str]:
    """Arrow's file system for a path, and the path as it wants it."""
    if path.startswith("file:"):
        path = "/" + path.removeprefix("file:").lstrip("/")
    if "://" not in path:
        return fs.LocalFileSystem(), path
    found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(path.replace("s3a://", "s3://", 1))
    return found


def open_bytes(path: str) -> Any:
    """A stream of the plain bytes of a file; .gz is unpacked on the way."""
    system, inner = file_system(path)
    stream = system.open_input_stream(inner, compression=None)
    return gzip.GzipFile(fileobj=stream) if inner.endswith(".gz") else stream


def list_files(source: SourceConfig, root: str) -> list[SourceFile]:
    """All files that the path of a text or Parquet source matches now, by name."""
    pattern = absolute(source.path, root)
    system, inner = file_system(pattern)
    scheme = pattern[: len(pattern) - len(inner)] if pattern.endswith(inner) else ""
    parts = inner.split("/")
    fixed = next((i for i, part in enumerate(parts) if _is_glob(part)), len(parts) - 1)
    found = _match(system, "/".join(parts[:fixed]) or "/", parts[fixed:])
    plain_root = file_system(root)[1].rstrip("/") + "/"
    base = _shown("/".join(parts[:fixed]) + "/", plain_root)
    return [
        SourceFile(
            source=source.source,
            name=_shown(info.path, plain_root),
            path=scheme + info.path,
            base=base,
            bytes=info.size or 0,
            modified=_second(info.mtime),
        )
        for info in sorted(found, key=lambda info: info.path)
    ]


def absolute(path: str, root: str) -> str:
    """The place of a configured path; a relative one starts at the root."""
    return path if path.startswith("/") or ":" in path else f"{root.rstrip('/')}/{path}"


def _is_glob(part: str) -> bool:
    return any(sign in part for sign in "*?[")


def _shown(path: str, root: str) -> str:
    return path.removeprefix(root)


def _second(moment: datetime | None) -> datetime:
    """Whole seconds: storages and tables keep different fractions."""
    known = moment or datetime(1970, 1, 1, tzinfo=UTC)
    return known.astimezone(UTC).replace(microsecond=0)


def _match(system: fs.FileSystem, folder: str, parts: list[str]) -> list[fs.FileInfo]:
    """Files below a folder whose path fits the parts of a pattern, one folder a part."""
    try:
        entries = system.get_file_info(fs.FileSelector(folder, allow_not_found=True))
    except (NotADirectoryError, OSError):
        return []
    # hidden names are files that somebody is still writing
    fitting = [
        entry
        for entry in entries
        if fnmatch.fnmatchcase(entry.base_name, parts[0])
        and not entry.base_name.startswith((".", "_"))
    ]
    if len(parts) == 1:
        return [entry for entry in fitting if entry.type == fs.FileType.File]
    folders = [entry.path for entry in fitting if entry.type == fs.FileType.Directory]
    return [info for path in folders for info in _match(system, path, parts[1:])]


def refuse_unmatched(source: SourceConfig, files: Iterable[SourceFile], *, known: bool) -> None:
    """Raise if the path of a source matches nothing, and never has.

    Raises:
        DataBankError: Naming the source and its path.
    """
    if not known and not list(files):
        raise DataBankError(
            f"source {source.source}: no file matches path {source.path!r}; put files there, "
            "correct `path`, or remove the source"
        )


def split_new(
    files: Iterable[SourceFile], known: Mapping[tuple[str, str], KnownFile]
) -> tuple[list[SourceFile], list[SourceFile]]:
    """Files to load, and loaded files that were altered since and are left alone.

    A file that could not be loaded is tried again when it has changed; one whose columns did
    not fit also when the configuration may have.
    """
    new, altered = [], []
    for file in files:
        before = known.get((file.source, file.name))
        if before is None:
            new.append(file)
            continue
        same = before.bytes == file.bytes and before.modified == file.modified
        if before.status == "ok":
            altered += [] if same else [file]
        elif not same or before.status == "columns":
            new.append(file)
    return new, altered


def refused_before(file: SourceFile, known: Mapping[tuple[str, str], KnownFile]) -> bool:
    """Whether a file is refused as it was the last time, and need not be told of again."""
    before = known.get((file.source, file.name))
    return before is not None and before == KnownFile(file.bytes, file.modified, file.status)


def delta_version(source: SourceConfig, path: str, version: int) -> SourceFile:
    """A version of a Delta table as a file of its own."""
    name = f"{source.path}@v{version}"
    known = datetime.fromtimestamp(0, UTC)
    return SourceFile(source.source, name, f"{path}@v{version}", name, version, known)


def inspect_files(files: list[SourceFile], source: SourceConfig) -> list[SourceFile]:
    """Look at the header of CSV and the schema of Parquet files; mark those that do not fit."""
    if source.format not in ("csv", "parquet"):
        return files
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda file: _inspect(file, source), files))


def _inspect(file: SourceFile, source: SourceConfig) -> SourceFile:
    found: tuple[str, ...]
    line: str | None = None
    try:
        if source.format == "csv":
            found, line = _csv_header(file, source)
            known = replace(file, header=found)
        else:
            schema = _parquet_schema(file)
            found = tuple(schema.names)
            known = replace(file, types=schema.to_string(show_schema_metadata=False))
    except (EOFError, OSError, gzip.BadGzipFile, pa.ArrowException) as error:
        status = "truncated" if isinstance(error, EOFError) else "unreadable"
        return replace(file, status=status, reason=_plain(error))
    if source.format == "csv" and not found:
        return file
    missing = sorted(set(source.fields()) - set(found))
    repeated = sorted({name for name in found if found.count(name) > 1})
    if missing or repeated:
        told = f"columns missing: {', '.join(missing)}" if missing else ""
        told = told or f"columns given twice: {', '.join(repeated)}"
        return replace(file, status="columns", reason=told, first_line=line)
    return known


def _plain(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _csv_header(file: SourceFile, source: SourceConfig) -> tuple[tuple[str, ...], str]:
    with open_bytes(file.path) as stream:
        first = stream.read(_HEADER).partition(b"\n")[0]
    line = first.decode(source.encoding, errors="replace").removeprefix("\ufeff").rstrip("\r")
    return tuple(split_header(line, source.delimiter)), line


def split_header(line: str, delimiter: str) -> list[str]:
    """Names of a CSV header."""
    return [name.strip() for row in csv.reader([line], delimiter=delimiter) for name in row]


def _parquet_schema(file: SourceFile) -> pa.Schema:
    system, inner = file_system(file.path)
    return pq.read_schema(inner, filesystem=system)
