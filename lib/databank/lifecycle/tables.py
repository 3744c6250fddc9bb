"""Tables of the life cycle."""

from databank.tables import Column, TableSpec

_JOB = "build_lifecycle"

STAGE = TableSpec(
    name="lifecycle.stage",
    grain="one row per person in a stage and run day; persons in none have no row",
    owner=_JOB,
    key=("person_id", "day"),
    cluster_by=("day",),
    columns=(
        Column("person_id", "bigint", "person of identity.person on that day"),
        Column("day", "date", "run day"),
        Column("stage", "string", "the highest stage of conf/lifecycle.yml whose rule holds"),
    ),
)

FLOW = TableSpec(
    name="lifecycle.flow",
    grain="one row per pair of days and pair of stages between which persons went",
    owner=_JOB,
    key=("day_from", "day_to", "stage_from", "stage_to"),
    columns=(
        Column("day_from", "date", "first of the two days compared"),
        Column("day_to", "date", "run day"),
        Column("stage_from", "string", "stage on day_from; none, or new = not known by then"),
        Column("stage_to", "string", "stage on day_to; none, or gone = not known any more"),
        Column("persons", "bigint", "persons, by the identity of the run for both days"),
    ),
)

RFM = TableSpec(
    name="lifecycle.rfm",
    grain="one row per person with the event in the window, and run day",
    owner=_JOB,
    key=("person_id", "day"),
    cluster_by=("day",),
    columns=(
        Column("person_id", "bigint", "person of identity.person on that day"),
        Column("day", "date", "run day"),
        Column("r", "int", "score of recency, 1 = long ago"),
        Column("f", "int", "score of frequency, 1 = seldom"),
        Column("m", "int", "score of money, 1 = little; null where no cuts are given"),
        Column("segment", "string", "first segment whose condition holds, else other"),
        Column("recency_days", "int", "days since the last event, 0 = the run day"),
        Column("frequency", "bigint", "days with the event, or distinct values of a dimension"),
        Column("monetary", "double", "sum of amounts, null where no event had one"),
    ),
)
