"""Tables of audiences."""

from databank.tables import Column, TableSpec

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
