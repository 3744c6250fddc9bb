"""Formats whose units are files that a path with wildcards matches."""

import gzip
from abc import abstractmethod
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from databank.sources.formats.base import SourceFormat
from databank.sources.units import Known, SourceUnit

if TYPE_CHECKING:
    from databank.tables import Store


class FileFormat(SourceFormat):
    """Files of one format; each is loaded once."""

    path: str = Field(min_length=1, description="Files, with * and ?; relative to --root")

    @field_validator("path")
    @classmethod
    def _no_deep_glob(cls, value: str) -> str:
        if "**" in value:
            raise ValueError("`**` is not supported; write one * for each folder")
        return value

    def list_units(self, store: "Store", known: Known) -> list[SourceUnit]:
        """List all files that the path matches now, by name."""
        from databank.sources.formats.storage import absolute, file_system, matching_files

        files, scheme, folder = matching_files(absolute(self.path, store.root))
        root = file_system(store.root)[1].rstrip("/") + "/"
        return [
            SourceUnit(
                source=self.source,
                name=info.path.removeprefix(root),
                place=scheme + info.path,
                base=folder.removeprefix(root),
                size=info.size or 0,
                modified=_second(info.mtime),
            )
            for info in files
        ]

    def why_empty(self) -> str:
        """Say that no file matches."""
        return (
            f"no file matches path {self.path!r}; put files there, correct `path`, or remove the "
            "source"
        )


class CheckedFileFormat(FileFormat):
    """Files that name their columns, which are checked before they are loaded."""

    @abstractmethod
    def look_into(self, unit: SourceUnit) -> tuple[tuple[str, ...], SourceUnit]:
        """Read the names of a file's columns; and the unit with what else there is to know."""

    def inspect(self, unit: SourceUnit) -> SourceUnit:
        """Refuse a file that cannot be read, or lacks a column that the configuration names."""
        import pyarrow as pa

        try:
            names, seen = self.look_into(unit)
        except (EOFError, OSError, gzip.BadGzipFile, pa.ArrowException) as error:
            status = "truncated" if isinstance(error, EOFError) else "unreadable"
            return replace(unit, status=status, reason=_first_line(error))
        if not names and self.has_header:  # an empty file has no records
            return unit
        missing = sorted(set(self.fields()) - set(names))
        repeated = sorted({name for name in names if names.count(name) > 1})
        if missing or repeated:
            reason = f"columns missing: {', '.join(missing)}" if missing else ""
            reason = reason or f"columns given twice: {', '.join(repeated)}"
            return replace(unit, status="columns", reason=reason, first_line=seen.first_line)
        return replace(seen, first_line=None)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _second(moment: datetime | None) -> datetime:
    """Cut to whole seconds: storages and tables keep different fractions."""
    known = moment or datetime(1970, 1, 1, tzinfo=UTC)
    return known.astimezone(UTC).replace(microsecond=0)
