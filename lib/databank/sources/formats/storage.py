"""Files on a local disk or an object store, as Arrow sees them."""

import fnmatch
import gzip
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyarrow import fs

_END = 1 << 20  # bytes


def file_system(path: str) -> tuple[fs.FileSystem, str]:
    """Find Arrow's file system for a path, and the path as it wants it."""
    if path.startswith("file:"):
        path = "/" + path.removeprefix("file:").lstrip("/")
    if "://" not in path:
        return fs.LocalFileSystem(), path
    system, inner = fs.FileSystem.from_uri(path.replace("s3a://", "s3://", 1))
    return system, inner


def open_bytes(path: str) -> Any:
    """Open a stream of the plain bytes of a file; .gz is unpacked on the way."""
    system, inner = file_system(path)
    stream = system.open_input_stream(inner, compression=None)
    return gzip.GzipFile(fileobj=stream) if inner.endswith(".gz") else stream


def digest_of_ends(path: str, size: int) -> str:
    """Hash the size of a file, and its first and last bytes.

    Raises:
        OSError: If it cannot be read.
    """
    system, inner = file_system(path)
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with system.open_input_file(inner) as file:
        digest.update(file.read(_END))
        file.seek(max(0, size - _END))
        digest.update(file.read(_END))
    return digest.hexdigest()


def absolute(path: str, root: str) -> str:
    """Place a configured path; a relative one starts at the root."""
    return path if path.startswith("/") or ":" in path else f"{root.rstrip('/')}/{path}"


def matching_files(pattern: str) -> tuple[list[fs.FileInfo], str]:
    """List the files that an absolute pattern matches now, by path.

    Returns:
        The files; and what comes before their path in the pattern (`s3a://`).
    """
    system, inner = file_system(pattern)
    scheme = pattern[: len(pattern) - len(inner)] if pattern.endswith(inner) else ""
    folder = fixed_folder(inner)
    files = _match(system, folder.rstrip("/") or "/", inner.removeprefix(folder).split("/"))
    return sorted(files, key=lambda info: info.path), scheme


def fixed_folder(inner: str) -> str:
    """Give the folder before the first wildcard of a pattern, with a slash at its end."""
    parts = inner.split("/")
    fixed = next((i for i, part in enumerate(parts) if _is_glob(part)), len(parts) - 1)
    return "/".join(parts[:fixed]) + "/"


def links_out(pattern: str, files: Iterable[fs.FileInfo], root: str) -> set[str]:
    """Find local files that links take out of the folder of their pattern, and out of the root."""
    system, inner = file_system(pattern)
    if not isinstance(system, fs.LocalFileSystem):
        return set()
    folders = [Path(each).resolve() for each in (fixed_folder(inner), file_system(root)[1])]
    real = {info.path: Path(info.path).resolve() for info in files}
    return {p for p, at in real.items() if not any(at.is_relative_to(f) for f in folders)}


def _is_glob(part: str) -> bool:
    return any(sign in part for sign in "*?[")


def _match(system: fs.FileSystem, folder: str, parts: list[str]) -> list[fs.FileInfo]:
    """List files below a folder whose path fits the parts of a pattern, one folder a part."""
    try:
        entries = system.get_file_info(fs.FileSelector(folder, allow_not_found=True))
    except (NotADirectoryError, OSError):
        return []
    # hidden names are files that are still being written
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
