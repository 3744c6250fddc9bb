"""Persons that were erased leave the tables of every job, past days included."""

from databank.tables import Column, Store, TableSpec

FORGOTTEN = TableSpec(
    name="identity.forgotten",
    grain="one row per person_id that was erased: no table has rows of it",
    owner="resolve_identity",
    key=("person_id",),
    columns=(Column("person_id", "bigint", "a person, or one that was merged into it"),),
)
# models.score calls its persons so; where `entity` says of what it is, it is another number
_ENTITY, _KIND = "entity_id", "entity"


def forget_persons(store: Store, tables: tuple[TableSpec, ...], seen: int | None) -> None:
    """Remove the rows of erased persons from the tables of a job.

    Args:
        store: The bank.
        tables: Those that the job owns.
        seen: Version of identity.forgotten that the job has dealt with; None = none.
    """
    if any(spec.owner == FORGOTTEN.owner for spec in tables):
        return  # what became of persons is told there, by number
    gone = store.read(FORGOTTEN)
    if store.versions_read[FORGOTTEN.name] in (-1, seen):
        return
    for spec in tables:
        names = {column.name for column in spec.columns}
        wanted = {"person_id"} if _KIND in names else {"person_id", _ENTITY}
        for column in sorted(names & wanted):
            store.delete(spec, gone, f"target.{column} = source.person_id")
