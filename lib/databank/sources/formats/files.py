"""Formats whose units are files that a path with wildcards matches."""

import zlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from databank.sources.formats.base import SourceFormat
from databank.sources.units import Known, SourceUnit

if TYPE_CHECKING:
    from databank.tables.files import Files


_LINK = "a link out of the folder; copy the file there, or name its own folder in `path`"


class FileFormat(SourceFormat):
    """Files of one format; each is loaded once."""

    path: str = Field(min_length=1, description="Files, with * and ?; relative to --root")

    @field_validator("path")
    @classmethod
    def _no_deep_glob(cls, value: str) -> str:
        if "**" in value:
            raise ValueError("`**` is not supported; write one * for each folder")
        return value

    def list_units(self, files: "Files", known: Known) -> list[SourceUnit]:
        """List all files that the path matches now, by name."""
        from databank.sources.formats.storage import (
            absolute,
            file_system,
            links_out,
            matching_files,
        )

        pattern = absolute(self.path, files.root)
        matches, scheme = matching_files(pattern)
        root, base = file_system(files.root)[1].rstrip("/") + "/", self.base(files.root)
        # who may put files there must not have others read
        links = links_out(pattern, matches, files.root)
        return [
            SourceUnit(
                source=self.source,
                name=info.path.removeprefix(root),
                place=scheme + info.path,
                base=base,
                size=info.size or 0,
                modified=_moment(info.mtime),
                status="link" if info.path in links else "ok",
                reason=_LINK if info.path in links else None,
            )
            for info in matches
        ]

    def digest(self, unit: SourceUnit) -> str | None:
        """Hash the first and the last bytes of a file; None if it cannot be read."""
        from databank.sources.formats.storage import digest_of_ends

        try:
            return digest_of_ends(unit.place, unit.size or 0)
        except OSError:
            return None

    def base(self, root: str) -> str:
        """Give the folder before the first wildcard of the path."""
        from databank.sources.formats.storage import absolute, file_system, fixed_folder

        folder = fixed_folder(file_system(absolute(self.path, root))[1])
        return folder.removeprefix(file_system(root)[1].rstrip("/") + "/")

    def why_empty(self) -> str:
        """Say that no file matches."""
        return (
            f"no file matches path {self.path!r}; put files there, correct `path`, or remove the "
            "source"
        )


class UnfitError(Exception):
    """A file whose columns do not fit the configuration: why, and the line that names them."""

    def __init__(self, reason: str, first_line: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.first_line = reason, first_line


def refuse_repeated(names: Iterable[str], first_line: str | None = None) -> None:
    """Refuse a file two of whose columns have one name.

    Raises:
        UnfitError: Naming them.
    """
    repeated = sorted(name for name, n in Counter(names).items() if n > 1)
    if repeated:
        raise UnfitError(f"columns given twice: {', '.join(repeated)}", first_line)


class CheckedFileFormat(FileFormat):
    """Files that name their columns, which are checked before they are loaded."""

    @abstractmethod
    def look_into(self, unit: SourceUnit) -> tuple[tuple[str, ...], SourceUnit]:
        """Read the names of a file's columns; and the unit with what else there is to know.

        Raises:
            UnfitError: If records of the file cannot be read by their columns.
        """

    def inspect(self, unit: SourceUnit) -> SourceUnit:
        """Refuse a file that cannot be read, or lacks a column that the configuration names."""
        import csv

        import pyarrow as pa

        try:
            names, seen = self.look_into(unit)
        except UnfitError as error:
            return replace(unit, status="columns", reason=error.reason, first_line=error.first_line)
        except (EOFError, OSError, UnicodeError, csv.Error, zlib.error, pa.ArrowException) as error:
            status = "truncated" if isinstance(error, EOFError) else "unreadable"
            return replace(unit, status=status, reason=_first_line(error))
        if not names and self.has_header:  # an empty file has no records
            return unit
        if missing := sorted(set(self.fields()) - set(names)):
            reason = f"columns missing: {', '.join(missing)}"
            return replace(unit, status="columns", reason=reason, first_line=seen.first_line)
        return replace(seen, first_line=None)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _moment(moment: datetime | None) -> datetime:
    """Give a moment as a table keeps it."""
    return (moment or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC)
