"""Tables of lookalikes."""

from databank.tables import Column, TableSpec

_JOB = "expand_lookalike"

MEMBER = TableSpec(
    name="lookalike.member",
    grain="one row per lookalike, day and person found; no seed is among them",
    owner=_JOB,
    key=("name", "day", "person_id"),
    cluster_by=("name", "day"),
    retention_days=90,
    columns=(
        Column("name", "string", "lookalike"),
        Column("day", "date", "run day"),
        Column("person_id", "bigint", "person"),
        Column("rank", "bigint", "1 = most like the seeds"),
        Column("score", "double", "estimated probability to be of the seeds' kind"),
        Column("level", "string", "level of its rank, null beyond all levels"),
    ),
)

GAIN = TableSpec(
    name="lookalike.gain",
    grain="one row per lookalike, day and measured share of the ranking",
    owner=_JOB,
    key=("name", "day", "share"),
    retention_days=365,
    columns=(
        Column("name", "string", "lookalike"),
        Column("day", "date", "run day"),
        Column("share", "double", "share of all persons that are no visible seed, from the top"),
        Column("recall", "double", "share of the hidden seeds among them"),
        Column("lift", "double", "recall / share: how much better than a random choice"),
    ),
)
