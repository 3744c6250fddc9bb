"""Tables that the ingest job owns."""

from databank.expressions.numbers import DECIMAL
from databank.quality.tables import QUARANTINE
from databank.sources.erasure.tables import ERASED_IDENTIFIER
from databank.tables import Column, TableSpec

RAW_RECORD = TableSpec(
    name="raw.record",
    grain="one row per record of a file, as received, and load",
    owner="ingest",
    columns=(
        Column("source", "string", "source of conf/sources"),
        Column("load_id", "string", "load that read it"),
        Column("file", "string", "path; relative to the root where it lies under it"),
        Column("line", "bigint", "line from 1; null where the format has no lines"),
        Column("fault", "string", "why the text cannot be trusted, e.g. not UTF-8; null = sound"),
        Column("value", "string", "the record; rows of Parquet and Delta as JSON", pii=True),
    ),
)

RAW_FILE = TableSpec(
    name="raw.file",
    grain="one row per file, or other unit of a source, and load that met it",
    owner="ingest",
    columns=(
        Column("source", "string", "source of conf/sources"),
        Column("file", "string", "path; relative to the root where it lies under it"),
        Column("bytes", "bigint", "size of a file; null for other units"),
        Column("modified", "timestamp", "when a file was last changed, UTC; null = not known"),
        Column("load_id", "string", "load that met it"),
        Column("rows", "bigint", "records read, header lines not counted"),
        Column("status", "string", "ok | truncated | columns | unreadable | changed | gone | link"),
        Column("reason", "string", "why the file was not loaded; null when ok"),
        Column("digest", "string", "hash of size, begin and end of a file that was loaded"),
        Column("position", "bigint", "version of a table, offset of a queue; null for a file"),
    ),
)

EVENTS = TableSpec(
    name="core.events",
    grain="one row per source and event_id",
    owner="ingest",
    key=("source", "event_id"),
    cluster_by=("day", "event"),
    change_feed=True,
    columns=(
        Column("source", "string", "source of conf/sources"),
        Column("event_id", "string", "id in the source, or a hash of position or row"),
        Column("event_ts", "timestamp", "when it happened, UTC"),
        Column("day", "date", "day of event_ts in the business time zone"),
        Column("event", "string", "what happened, e.g. purchase"),
        Column("terminal", "string", "where: web, app, store ..."),
        Column("page", "string", "page or screen", pii=True),
        Column("id_key", "bigint", "strongest identifier; null = no usable identifier", pii=True),
        Column(
            "ids",
            "array<bigint>",
            "all identifiers of the row, distinct, strongest first",
            pii=True,
        ),
        Column(
            "entity_ids",
            "array<bigint>",
            "those of a household, an account ...; null = none",
            pii=True,
        ),
        Column("item_id", "string", "item of core.items"),
        Column("quantity", DECIMAL, "pieces; negative = brought back"),
        Column("amount", DECIMAL, "money of the row in the bank's currency"),
        Column("campaign", "string", "campaign that the row names"),
        Column("props", "map<string,string>", "all other fields, nested ones as JSON", pii=True),
        Column("load_id", "string", "load that brought the row"),
    ),
)

PROFILES = TableSpec(
    name="core.profiles",
    grain="one row per source record, the newest",
    owner="ingest",
    key=("source", "record_id"),
    change_feed=True,
    columns=(
        Column("source", "string", "source of conf/sources"),
        Column("record_id", "string", "id of the record in the source", pii=True),
        Column("id_key", "bigint", "strongest identifier; null = no usable identifier", pii=True),
        Column("ids", "array<bigint>", "all identifiers of the record, strongest first", pii=True),
        Column(
            "entity_ids",
            "array<bigint>",
            "those of a household, an account ...; null = none",
            pii=True,
        ),
        Column("attributes", "map<string,string>", "all other fields", pii=True),
        Column("updated_ts", "timestamp", "when the source last changed the record, UTC"),
        Column("load_id", "string", "load that brought this state"),
    ),
)

ITEMS = TableSpec(
    name="core.items",
    grain="one row per source item, the newest",
    owner="ingest",
    key=("source", "item_id"),
    columns=(
        Column("source", "string", "source of conf/sources"),
        Column("item_id", "string", "id of the item in the source"),
        Column("attributes", "map<string,string>", "all other fields"),
        Column("updated_ts", "timestamp", "when the source last changed the item, UTC"),
        Column("load_id", "string", "load that brought this state"),
    ),
)

IDENTIFIER = TableSpec(
    name="identity.identifier",
    grain="one row per normalised identifier",
    owner="ingest",
    key=("id_key",),
    change_feed=True,
    columns=(
        Column(
            "id_key",
            "bigint",
            "xxhash64 of type, scope, value and the salt if there is one",
            pii=True,
        ),
        Column("id_type", "string", "phone, cookie, idfa ..."),
        Column("scope", "string", "app in which an openid is unique; '' = everywhere"),
        Column("id_value", "string", "canonical form", pii=True),
        Column("entity", "boolean", "true = of a household, an account ...; null = of a person"),
        Column("first_load", "string", "load that met it first"),
        Column("salt", "int", "0; more where another identifier has the key of salt 0"),
    ),
)

REFUSED = TableSpec(
    name="identity.refused",
    grain="one row per load and text that was given as an identifier and is none",
    owner="ingest",
    columns=(
        Column(
            "id_key", "bigint", "xxhash64 of refused, type and text; no identifier has it", pii=True
        ),
        Column("id_type", "string", "what it was given as"),
        Column("id_value", "string", "the text as given, without blanks around it", pii=True),
        Column("why", "string", "placeholder | malformed | no scope"),
        Column("n", "bigint", "records"),
        Column("load_id", "string", "load that met it"),
    ),
)

TABLES = (
    ERASED_IDENTIFIER,
    RAW_RECORD,
    RAW_FILE,
    EVENTS,
    PROFILES,
    ITEMS,
    QUARANTINE,
    IDENTIFIER,
    REFUSED,
)
