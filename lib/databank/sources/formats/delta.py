"""delta: a Delta table outside the bank, each version of which is loaded once, as a whole."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from databank.sources.formats.base import SourceFormat
from databank.sources.units import Known, SourceUnit

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from databank.tables.files import Files


class DeltaFormat(SourceFormat):
    """A Delta table; its last version is read as a whole, and its rows have no position."""

    has_positions: ClassVar[bool] = False

    format: Literal["delta"]
    path: str = Field(min_length=1, description="Folder of the table; relative to --root")

    def list_units(self, files: "Files", known: Known) -> list[SourceUnit]:
        """List the last version of the table."""
        from databank.sources.formats.storage import absolute

        path = absolute(self.path, files.root)
        version = files.last_version(path)
        if version is None:
            return []
        name = f"{self.path}@v{version}"
        return [SourceUnit(self.source, name, place=path, base=name, position=version)]

    def why_empty(self) -> str:
        """Say that there is no table."""
        return (
            f"there is no Delta table at path {self.path!r}; correct `path`, or remove the source"
        )

    def read_raw(
        self, spark: "SparkSession", units: Sequence[SourceUnit], *, root: str
    ) -> "DataFrame":
        """Read the versions."""
        from pyspark.sql import functions as F

        from databank.sources.opening import as_json, union

        frames = []
        for unit in units:
            reader = spark.read.format("delta").option("versionAsOf", str(unit.position))
            rows = reader.load(unit.place)
            fields = {name: F.col(f"`{name}`") for name in rows.columns}
            frames.append(as_json(rows, self.source, fields, unit=F.lit(unit.name)))
        return union(frames)
