"""Tables of audiences."""

from databank.tables import Column, TableSpec

ENTITY_MEMBER = TableSpec(
    name="audiences.entity_member",
    grain="one row per audience of households, accounts ..., run day and one of these in it",
    owner="build_audiences",
    key=("audience", "day", "entity_id"),
    cluster_by=("audience", "day"),
    columns=(
        Column("audience", "string", "name of conf/audiences/*.yml"),
        Column("day", "date", "run day"),
        Column("entity", "string", "household, account ... of identity.yml"),
        Column("entity_id", "bigint", "the one of identity.entity on that day"),
    ),
)

MEMBER = TableSpec(
    name="audiences.member",
    grain="one row per audience, run day and person in it; kept as long as conf says",
    owner="build_audiences",
    key=("audience", "day", "person_id"),
    cluster_by=("audience", "day"),
    columns=(
        Column("audience", "string", "name of conf/audiences/*.yml"),
        Column("day", "date", "run day"),
        Column("person_id", "bigint", "person of identity.person on that day"),
    ),
)
