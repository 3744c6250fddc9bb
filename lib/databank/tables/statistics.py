"""What Delta's log keeps of the values of a table: nothing of columns with personal data.

For each file Delta writes the smallest and the largest value of its columns into the log, where
they outlive the rows and VACUUM. Tables are made without those of text and personal columns; what
an older log has of them is taken out of it. No version is lost by that: statistics only tell which
files a query may skip.
"""

import json
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.tables.files import Files
from databank.tables.spec import TableSpec

# how a value is written in the JSON of statistics; all others are texts there
_NUMBERS = {"bigint", "int"}
_VALUES = ("minValues", "maxValues")
# tells, beside the log, for which columns it is known to be clean, and whether the table is, too
_NOTE = "_delta_log/_statistics"
_LOG_ONLY = "log "


def properties(spec: TableSpec) -> dict[str, str]:
    """Give the table properties that limit statistics to `spec.statistics`."""
    if not spec.statistics:
        return {"delta.dataSkippingNumIndexedCols": "0"}
    return {"delta.dataSkippingStatsColumns": ",".join(spec.statistics)}


class Statistics:
    """The statistics in the log of one table.

    Args:
        files: Files of the warehouse.
        path: Of the table.
        spec: The table.
    """

    def __init__(self, files: Files, path: str, spec: TableSpec) -> None:
        self._files, self._path, self._spec = files, path, spec
        self._wanted = ",".join(spec.statistics)

    def are_limited(self) -> bool:
        """Tell whether the table has the properties, and its log nothing else."""
        return self._noted() == self._wanted

    def note_limited(self) -> None:
        """Note that the table has the properties, and its log nothing else."""
        self._note(self._wanted)

    def note_restored(self) -> None:
        """Note that an older version, without the properties, is the newest again."""
        if self.are_limited():
            self._note(_LOG_ONLY + self._wanted)

    def clean_log(self, spark: SparkSession, scratch: str) -> bool:
        """Take what is not of `spec.statistics` out of the log, if that has not been done.

        Args:
            spark: The session.
            scratch: A folder below the root for what is rewritten.

        Returns:
            Whether anything was done.
        """
        if self._noted() in (self._wanted, _LOG_ONLY + self._wanted):
            return False
        folder = f"{self._path}/_delta_log"
        names = [name for name in self._files.names(folder) if name[:20].isdigit()]
        for name in names:
            if name.endswith((".json", ".crc")):
                text = self._files.read(f"{folder}/{name}")
                cleaned = "".join(self._line(line) for line in text.splitlines(keepends=True))
                if cleaned != text:
                    self._files.write(f"{folder}/{name}", cleaned)
            elif name.endswith(".parquet"):
                self._clean_checkpoint(spark, f"{folder}/{name}", f"{scratch}/{name}")
        self._note(_LOG_ONLY + self._wanted)
        return True

    def _line(self, line: str) -> str:
        """Clean an action of a commit, or a checksum, which repeats the actions of a version."""
        if '"stats"' not in line:
            return line
        action = json.loads(line)
        for each in (action.get("add"), action.get("remove"), *action.get("allFiles", [])):
            if each and each.get("stats"):
                each["stats"] = self._stats(each["stats"])
        return json.dumps(action, separators=(",", ":"), ensure_ascii=False) + "\n"

    def _stats(self, text: str) -> str:
        stats: dict[str, Any] = json.loads(text)
        for part in (*_VALUES, "nullCount"):
            if part in stats:
                known = stats[part].items()
                stats[part] = {key: each for key, each in known if key in self._spec.statistics}
        return json.dumps(stats, separators=(",", ":"), ensure_ascii=False)

    def _clean_checkpoint(self, spark: SparkSession, path: str, scratch: str) -> None:
        rows = spark.read.parquet(path)
        if "add" not in rows.columns or "stats" not in rows.schema["add"].dataType.names:  # type: ignore[attr-defined]
            return
        self._cleaned(rows).coalesce(1).write.mode("overwrite").parquet(scratch)
        [part] = (name for name in self._files.names(scratch) if name.startswith("part-"))
        self._files.move_over(f"{scratch}/{part}", path)

    def _cleaned(self, rows: DataFrame) -> DataFrame:
        add = F.col("add")
        stats = F.to_json(F.from_json(add["stats"], self._schema()))
        cleaned = add.dropFields("stats_parsed").withField("stats", stats)
        return rows.withColumn("add", F.when(add.isNotNull(), cleaned))

    def _schema(self) -> str:
        types = {column.name: column.type for column in self._spec.columns}
        names = self._spec.statistics
        values = _struct({name: _written(types[name]) for name in names})
        parts = {"numRecords": "bigint", "tightBounds": "boolean"}
        if names:
            parts |= {**dict.fromkeys(_VALUES, values)}
            parts["nullCount"] = _struct(dict.fromkeys(names, "bigint"))
        return _struct(parts)

    def _noted(self) -> str | None:
        path = f"{self._path}/{_NOTE}"
        return self._files.read(path) if self._files.exists(path) else None

    def _note(self, text: str) -> None:
        self._files.write(f"{self._path}/{_NOTE}", text)


def _struct(types: Mapping[str, str]) -> str:
    return f"struct<{','.join(f'`{name}`:{kind}' for name, kind in types.items())}>"


def _written(kind: str) -> str:
    return "bigint" if kind in _NUMBERS else "string"
