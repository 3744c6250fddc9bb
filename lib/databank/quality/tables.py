"""Table of the quality gate."""

from databank.tables.spec import Column, TableSpec

QUARANTINE = TableSpec(
    name="ops.quarantine",
    grain="one row per record, or refused file, that was not taken",
    owner="ingest",
    columns=(
        Column("load_id", "string", "load that met the row"),
        Column("source", "string", "source of conf/sources"),
        Column("file", "string", "file that the row came in"),
        Column("line", "bigint", "line from 1; null where the format does not tell"),
        Column("rule", "string", "short name of what was broken"),
        Column("reason", "string", "what is wrong with the row", pii=True),
        Column("raw", "string", "the record as received", pii=True),
        Column("waits_for", "date", "day whose run loads it by itself; null = it does not wait"),
    ),
)
