"""ops.quarantine: rows that were not taken, with the reason and the raw text."""

from pyspark.sql import Column, DataFrame, functions as F

from databank.tables import Column as TableColumn, TableSpec

QUARANTINE = TableSpec(
    name="ops.quarantine",
    grain="one row per record, or refused file, that was not taken",
    owner="ingest",
    columns=(
        TableColumn("load_id", "string", "load that met the row"),
        TableColumn("source", "string", "source of conf/sources"),
        TableColumn("file", "string", "file that the row came in"),
        TableColumn("line", "bigint", "line from 1; null where the format does not tell"),
        TableColumn("rule", "string", "short name of what was broken"),
        TableColumn("reason", "string", "what is wrong with the row", pii=True),
        TableColumn("raw", "string", "the record as received", pii=True),
    ),
)


def quarantine_rows(rows: DataFrame, *, load_id: str) -> DataFrame:
    """Rows of ops.quarantine.

    Args:
        rows: source, file, line, rule (null = sound), reason, raw.
        load_id: Load that met them.
    """
    columns: list[Column] = [F.lit(load_id).alias("load_id")]
    columns += [F.col(name) for name in ("source", "file", "line", "rule", "reason", "raw")]
    return rows.where("rule is not null").select(*columns)
