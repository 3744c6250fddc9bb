"""Tables of erasures: what was requested, and what was completed."""

from databank.tables.spec import Column, TableSpec

_COLUMNS = (
    Column("digest", "string", "hash of the identifier with a secret that no table holds"),
    Column("valid_from", "date", "first day of the records that are meant; null = any"),
    Column("until", "date", "last day of them"),
    Column("entire_person", "boolean", "whether all of its person is meant"),
)

ERASURE_REQUEST = TableSpec(
    name="identity.erasure_request",
    grain="one row per identifier that is to be erased, and period",
    owner="request_erasure",
    columns=(
        *_COLUMNS,
        Column("day", "date", "day of the request"),
        Column("run_id", "string", "run that wrote the request down"),
    ),
)

ERASED_IDENTIFIER = TableSpec(
    name="identity.erased_identifier",
    grain="one row per identifier and period that was erased, and is not loaded again",
    owner="ingest",
    columns=(*_COLUMNS, Column("run_id", "string", "run that erased it")),
)
