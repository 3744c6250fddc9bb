"""Tables of the archive."""

from databank.expressions.numbers import DECIMAL, SUMMED
from databank.tables import Column, TableSpec

PERSON_DAY = TableSpec(
    name="archive.person_day",
    grain="one row per person, business day, terminal, event name and dimensions; sessions too",
    owner="build_archive",
    key=("person_id", "day", "terminal", "event", "dims_json"),
    cluster_by=("event", "day"),
    columns=(
        Column("person_id", "bigint", "person of identity.person on that day"),
        Column("day", "date", "day of the business time zone"),
        Column("terminal", "string", "where it happened: web, app, store ...; '' if unknown"),
        Column("event", "string", "event name"),
        Column("dims_json", "string", "the event's declared dimensions as text, '' if it has none"),
        Column("dims", "map<string,string>", "the same by name, null where it has no value"),
        Column("n", "bigint", "events"),
        Column("amounts", "bigint", "events that have an amount; null = sessions, which have none"),
        Column("amount", SUMMED, "sum of amounts, null if no event had one"),
        Column("amount_max", DECIMAL, "largest amount of one event, null if none had one"),
        Column("amount_min", DECIMAL, "smallest amount of one event, null if none had one"),
        Column("quantity", SUMMED, "sum of quantities, null if no event had one"),
        Column("first_ts", "timestamp", "first event of the day, UTC"),
        Column("last_ts", "timestamp", "last event of the day, UTC"),
        Column("synthetic", "boolean", "true = made of sessions, of no source; null = events"),
    ),
)

VISIT = TableSpec(
    name="archive.visit",
    grain="one row per person, business day and session",
    owner="build_archive",
    key=("person_id", "day", "number"),
    cluster_by=("day",),
    columns=(
        Column("person_id", "bigint", "person of identity.person on that day"),
        Column("day", "date", "day of the business time zone"),
        Column("number", "int", "1, 2 ... within the day of the person"),
        Column("first_ts", "timestamp", "first event, UTC"),
        Column("last_ts", "timestamp", "last event, UTC"),
        Column("seconds", "decimal(9,3)", "from the first event to the last"),
        Column("events", "bigint", "events, on all terminals"),
        Column("pages", "bigint", "distinct addresses"),
        Column("terminals", "array<string>", "in the order of their first use; unknown left out"),
        Column("entry", "string", "first address, without query and fragment", pii=True),
        Column("exit", "string", "last address, without query and fragment", pii=True),
        Column("channel", "string", "paid search, organic social, email, referral, direct ..."),
        Column("source", "string", "utm_source, ad network or host of the referrer; null = direct"),
        Column("medium", "string", "utm_medium, cpc, organic, referral; null = direct or unknown"),
        Column("campaign", "string", "utm_campaign"),
    ),
)
