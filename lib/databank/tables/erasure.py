"""Erased persons leave the tables of every job, past days included."""

from typing import TYPE_CHECKING

from databank.tables.spec import Column, TableSpec

if TYPE_CHECKING:  # tables are declared without Spark
    from databank.tables.store import Store

ERASED_PERSON = TableSpec(
    name="identity.erased_person",
    grain="one row per person_id that was erased: no table has rows of it",
    owner="resolve_identity",
    key=("person_id",),
    columns=(Column("person_id", "bigint", "a person, or one that was merged into it"),),
)
# models.score calls its persons so; where `entity` says of what it is, it is another number
_ENTITY, _KIND = "entity_id", "entity"


def remove_erased_persons(store: "Store", tables: tuple[TableSpec, ...], seen: int | None) -> None:
    """Remove the rows of erased persons from the tables of a job.

    Args:
        store: The bank.
        tables: Those that the job owns.
        seen: Version of identity.erased_person that the job has dealt with; None = none.
    """
    if any(spec.owner == ERASED_PERSON.owner for spec in tables):
        return  # identity lists what became of persons, by number
    erased = store.read(ERASED_PERSON)
    if store.versions_read[ERASED_PERSON.name] in (-1, seen):
        return
    for spec in tables:
        names = {column.name for column in spec.columns}
        wanted = {"person_id"} if _KIND in names else {"person_id", _ENTITY}
        for column in sorted(names & wanted):
            store.delete(spec, erased, f"target.{column} = source.person_id")
