"""Tables of the archive."""

from databank.tables import Column, TableSpec

PERSON_DAY = TableSpec(
    name="archive.person_day",
    grain="one row per person, business day, terminal, event name and slice",
    owner="build_archive",
    key=("person_id", "day", "terminal", "event", "slice"),
    cluster_by=("event", "day"),
    columns=(
        Column("person_id", "bigint", "person of identity.person on that day"),
        Column("day", "date", "day of the business time zone"),
        Column("terminal", "string", "where it happened: web, app, store ..., '' if unknown"),
        Column("event", "string", "event name"),
        Column("slice", "string", "the event's declared dimensions as text, '' if it has none"),
        Column("dims", "map<string,string>", "the same dimensions by name, null if it has none"),
        Column("n", "bigint", "events"),
        Column("amount", "decimal(28,2)", "sum of amounts, null if no event had one"),
        Column("amount_max", "decimal(28,2)", "largest amount of one event, null if none had one"),
        Column("amount_min", "decimal(28,2)", "smallest amount of one event, null if none had one"),
        Column("quantity", "decimal(28,3)", "sum of quantities, null if no event had one"),
        Column("first_ts", "timestamp", "first event of the day, UTC"),
        Column("last_ts", "timestamp", "last event of the day, UTC"),
    ),
)
