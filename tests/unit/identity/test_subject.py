"""Whom tags and audiences are about: the key of frames, and the key of tables."""

from pathlib import Path

from pyspark.sql import SparkSession

from databank.identity.entities.subject import Subject
from databank.identity.entities.tables import ENTITY
from databank.session import small_frame
from tests.support.memory_store import MemoryStore

HOUSEHOLD = Subject("household")
WITHIN = [("household", 1, 7), ("household", 2, 7), ("account", 1, 9)]


def test_persons_are_left_as_they_are(spark_session: SparkSession, tmp_path: Path) -> None:
    rows = small_frame(spark_session, [(1, "a")], "person_id bigint, tag string")
    person, store = Subject(), MemoryStore(spark_session, tmp_path)
    assert person.is_person
    assert (person.key, person.pick("p", "e")) == ("person_id", "p")
    assert person.to_stored(rows) is rows
    assert person.from_stored(rows) is rows
    assert person.in_place_of_persons(store, rows) is rows


def test_entities_have_another_key_in_their_tables(spark_session: SparkSession) -> None:
    rows = small_frame(spark_session, [(7, "a")], "person_id bigint, tag string")
    stored = HOUSEHOLD.to_stored(rows)
    assert not HOUSEHOLD.is_person
    assert (HOUSEHOLD.key, HOUSEHOLD.pick("p", "e")) == ("entity_id", "e")
    assert [row.asDict() for row in stored.collect()] == [
        {"entity_id": 7, "tag": "a", "entity": "household"}
    ]
    # an account of the same number is another matter
    both = stored.unionByName(Subject("account").to_stored(rows))
    assert HOUSEHOLD.from_stored(both).select("person_id", "tag").collect() == [(7, "a")]


def test_rows_of_persons_become_rows_of_their_entity(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    store = MemoryStore(spark_session, tmp_path)
    shape = "entity string, person_id bigint, entity_id bigint"
    store.publish_frames({ENTITY: small_frame(spark_session, WITHIN, shape)})
    rows = small_frame(spark_session, [(1, 5), (2, 6), (3, 7)], "person_id bigint, n bigint")
    replaced = HOUSEHOLD.in_place_of_persons(store, rows).select("person_id", "n").collect()
    assert sorted(map(tuple, replaced)) == [(7, 5), (7, 6)]
    members = HOUSEHOLD.members(store).collect()
    assert sorted(map(tuple, members)) == [(1, 7), (2, 7)]
