"""Whom tags and audiences are about: persons, or the households, accounts ... of identity.yml."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from databank.identity.entities.config import PERSON
from databank.identity.entities.tables import ENTITY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from databank.tables import Store

T = TypeVar("T")


@dataclass(frozen=True)
class Subject:
    """Persons, or all entities of one kind.

    Frames on which expressions are evaluated have one key, `person_id`, whoever the subject is;
    tables of entities store it as `entity_id`, beside the kind in `entity`. This class alone
    knows how to go from one to the other.

    Attributes:
        name: person, or a kind of entity of identity.yml.
    """

    name: str = PERSON

    @property
    def is_person(self) -> bool:
        """Whether the subject is persons."""
        return self.name == PERSON

    @property
    def key(self) -> str:
        """Column by which tables name the subject."""
        return self.pick("person_id", "entity_id")

    def pick(self, of_persons: T, of_entities: T) -> T:
        """Choose between a thing of persons (a table, say) and its counterpart for entities."""
        return of_persons if self.is_person else of_entities

    def members(self, store: "Store") -> "DataFrame":
        """Select which person is in which entity: person_id (unique), entity_id."""
        within = store.read(ENTITY).where(f"entity = '{self.name}'")
        return within.select("person_id", "entity_id")

    def in_place_of_persons(self, store: "Store", rows: "DataFrame") -> "DataFrame":
        """Replace the person_id of rows by the entity's; rows of persons in no entity go."""
        if self.is_person:
            return rows
        joined = rows.join(self.members(store), "person_id")
        return joined.drop("person_id").withColumnRenamed("entity_id", "person_id")

    def to_stored(self, rows: "DataFrame") -> "DataFrame":
        """Give rows of a frame the key columns of the subject's tables."""
        if self.is_person:
            return rows
        stored = rows.withColumnRenamed("person_id", "entity_id")
        return stored.selectExpr("*", f"'{self.name}' AS entity")

    def from_stored(self, rows: "DataFrame") -> "DataFrame":
        """Select the subject's rows of its table, with the key that frames have."""
        if self.is_person:
            return rows
        own = rows.where(f"entity = '{self.name}'")
        return own.withColumnRenamed("entity_id", "person_id")


PERSONS_THEMSELVES = Subject()
