"""Tables of identity resolution."""

from databank.tables import Column, TableSpec

_JOB = "resolve_identity"

EDGES = TableSpec(
    name="identity.edges",
    grain="one row per pair of identifiers, source and rule: evidence that they were seen together",
    owner=_JOB,
    key=("a_key", "b_key", "source", "rule"),
    columns=(
        Column("a_key", "bigint", "the stronger identifier of the record", pii=True),
        Column("b_key", "bigint", "another identifier of the same record", pii=True),
        Column("source", "string", "source of the record"),
        Column("rule", "string", "event | profile: kind of record; linkage: a likely pair"),
        Column("first_ts", "timestamp", "first seen together, UTC"),
        Column("last_ts", "timestamp", "last seen together, UTC"),
        Column("n", "bigint", "records"),
        Column("score", "double", "probability that both are one person's; null = seen together"),
    ),
)

LIKELY_PAIR = TableSpec(
    name="identity.likely_pair",
    grain="one row per rule and pair of identifiers whose profiles are one person's more likely "
    "than not",
    owner="link_profiles",
    key=("name", "a_key", "b_key"),
    columns=(
        Column("name", "string", "rule of identity.yml, `linkage`"),
        Column("a_key", "bigint", "strongest identifier of one profile, the smaller key", pii=True),
        Column("b_key", "bigint", "strongest identifier of the second profile", pii=True),
        Column("score", "double", "probability that both are one person's, 0.5-1; the best pair's"),
        Column(
            "joined_at",
            "double",
            "highest match threshold at which both are one person's, 0-1: the average of all pairs "
            "where average link joins them; 0 = never",
        ),
        Column("linked", "boolean", "whether they are one person's at the threshold of the run"),
        Column("n", "bigint", "likely pairs of profiles with these identifiers"),
        Column("first_ts", "timestamp", "the oldest of these profiles, UTC"),
        Column("last_ts", "timestamp", "the newest of these profiles, UTC"),
        Column(
            "a_record",
            "string",
            "source and record of the first profile of the best pair",
            pii=True,
        ),
        Column("b_record", "string", "source and record of its second profile", pii=True),
    ),
)

MATCH_THRESHOLD = TableSpec(
    name="identity.match_threshold",
    grain="one row per rule and match threshold: what linking from it on gives",
    owner="link_profiles",
    key=("name", "threshold"),
    columns=(
        Column("name", "string", "rule of identity.yml, `linkage`"),
        Column("threshold", "double", "average probability from which on groups are one person's"),
        Column(
            "persons", "bigint", "persons among the identifiers compared, by these profiles alone"
        ),
        Column("pairs", "bigint", "pairs of identifiers that are one person's"),
        Column(
            "expected_precision",
            "double",
            "share of these pairs that are right by the model's probabilities; null = no pairs",
        ),
        Column("chosen", "boolean", "the threshold of the run"),
    ),
)

PERSON = TableSpec(
    name="identity.person",
    grain="one row per identifier and interval of days in which it belongs to a person",
    owner=_JOB,
    key=("id_key", "valid_from"),
    open_key=("valid_from",),
    columns=(
        Column("id_key", "bigint", "identifier, see identity.identifier", pii=True),
        Column("person_id", "bigint", "the person, below 2^32, never reused"),
        Column("valid_from", "date", "first day, null = from the beginning"),
        Column("valid_to", "date", "day after the last one, null = still"),
    ),
)

ALIAS = TableSpec(
    name="identity.alias",
    grain="one row per person_id that is no longer in use and has a successor",
    owner=_JOB,
    key=("old_person_id",),
    columns=(
        Column("old_person_id", "bigint", "id given earlier"),
        Column("person_id", "bigint", "today's id of the same person"),
    ),
)

CHANGES = TableSpec(
    name="identity.changes",
    grain="one row per change of a person in a run",
    owner=_JOB,
    change_feed=True,
    columns=(
        Column("run_id", "string", "run that made the change"),
        Column("day", "date", "run day"),
        Column("kind", "string", "new | merge | split | grow | shrink | retired"),
        Column("person_id", "bigint", "the person"),
        Column("other_person_id", "bigint", "the person merged away or split off, else null"),
        Column("cause", "string", "why, in words"),
        Column(
            "a_key",
            "bigint",
            "one end of the link that made it, or the excluded identifier",
            pii=True,
        ),
        Column("b_key", "bigint", "the other end; null = no single link", pii=True),
    ),
)

REJECTED = TableSpec(
    name="identity.rejected",
    grain="one row per identifier or pair that is not used for linking, and rule",
    owner=_JOB,
    columns=(
        Column("a_key", "bigint", "identifier", pii=True),
        Column(
            "b_key", "bigint", "other end of a rejected link; null = excluded identifier", pii=True
        ),
        Column("rule", "string", "block | limit | hub | person | manual | format"),
        Column("reason", "string", "in words"),
        Column("day", "date", "day of the run that examined it last"),
    ),
)

STATE = TableSpec(
    name="identity.state",
    grain="one row: what identity.person was made from, for the next run to start with",
    owner=_JOB,
    columns=(
        Column("run_id", "string", "run that made it"),
        Column("day", "date", "run day"),
        Column("timezone", "string", "business time zone"),
        Column("logic_version", "int", "version of the logic of the job"),
        Column("rules", "string", "identity.yml as JSON", pii=True),
        Column("versions", "map<string,bigint>", "table -> version that was read"),
        Column("next_id", "bigint", "the first person_id that was never given"),
        Column("identifiers", "bigint", "rows of identity.person"),
        Column("persons", "bigint", "different persons"),
        Column("reassigned", "bigint", "rows of identity.person that begin on a day"),
        Column("largest", "bigint", "rows of the person that has most"),
    ),
)

DEGREES = TableSpec(
    name="identity.degrees",
    grain="one row per identifier type and number of different neighbours",
    owner=_JOB,
    key=("id_type", "neighbours"),
    columns=(
        Column("id_type", "string", "phone, cookie, idfa ..."),
        Column("neighbours", "bigint", "different identifiers that one was seen with"),
        Column("identifiers", "bigint", "how many were seen with so many"),
    ),
)

HUB = TableSpec(
    name="identity.hub",
    grain="one row per identifier with far more neighbours than is typical of its type",
    owner=_JOB,
    key=("id_key",),
    columns=(
        Column("id_key", "bigint", "identifier, see identity.identifier", pii=True),
        Column("released", "boolean", "its neighbours are one person anyway: it is that person's"),
    ),
)
