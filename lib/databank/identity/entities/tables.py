"""Tables of households, accounts and the like."""

from databank.tables import Column, TableSpec

_JOB = "resolve_entities"
_KIND = Column("entity", "string", "name in identity.yml, entities: household, account ...")
_ID = Column("entity_id", "bigint", "the household, account ...; below 2^32, never reused")

ENTITY = TableSpec(
    name="identity.entity",
    grain="one row per kind of entity and person in one",
    owner=_JOB,
    key=("entity", "person_id"),
    columns=(_KIND, Column("person_id", "bigint", "person of identity.person"), _ID),
)

ENTITY_IDENTIFIER = TableSpec(
    name="identity.entity_identifier",
    grain="one row per kind of entity and identifier that ties one",
    owner=_JOB,
    key=("entity", "id_key"),
    columns=(
        _KIND,
        Column("id_key", "bigint", "identifier, see identity.identifier", pii=True),
        _ID,
    ),
)

ENTITY_ALIAS = TableSpec(
    name="identity.entity_alias",
    grain="one row per entity that was ever merged into another",
    owner=_JOB,
    key=("entity", "old_entity_id"),
    columns=(
        _KIND,
        Column("old_entity_id", "bigint", "the entity that is no more"),
        Column("entity_id", "bigint", "the one that stands for it today"),
    ),
)

ENTITY_CHANGES = TableSpec(
    name="identity.entity_changes",
    grain="one row per run and change of an entity",
    owner=_JOB,
    columns=(
        _KIND,
        Column("run_id", "string", "run that found it"),
        Column("day", "date", "run day"),
        Column("kind", "string", "new | merge | split | retired"),
        Column("entity_id", "bigint", "the entity it is told of"),
        Column("other_entity_id", "bigint", "merge: who was merged into it; split: whose part"),
        Column("cause", "string", "in words"),
    ),
)

ENTITY_REJECTED = TableSpec(
    name="identity.entity_rejected",
    grain="one row per kind of entity and identifier, or link to a person, that ties nobody",
    owner=_JOB,
    key=("entity", "id_key", "person_id"),
    open_key=("person_id",),
    columns=(
        _KIND,
        Column("id_key", "bigint", "identifier, see identity.identifier", pii=True),
        Column("person_id", "bigint", "the person it does not tie; null = nobody is tied by it"),
        Column("reason", "string", "in words"),
        Column("day", "date", "run day that found it"),
    ),
)

TABLES = (ENTITY, ENTITY_IDENTIFIER, ENTITY_ALIAS, ENTITY_CHANGES, ENTITY_REJECTED)
