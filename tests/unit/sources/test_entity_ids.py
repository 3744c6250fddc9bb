"""Identifiers of households and accounts: beside those of persons, and never among them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.unit.sources.world import CRM, DAY, World

NEXT = DAY + timedelta(days=1)
HOMES: dict[str, Any] = {
    **CRM,
    "identifiers": {
        "address": {"expr": "concat_ws(' ', street, town)"},
        "landline": {"column": "home", "region": "CN"},
        "phone": "mobile",
    },
}
RECORDS = """no,mobile,street,town,home,changed
1,13912345670,"Lake Road, 5",Hangzhou,0571-87654321,2026-01-29
2,13912345671,lake\u3000road 5,HANGZHOU,,2026-01-29
3,,Hill Lane 1,Ningbo,,2026-01-29
4,13912345672,,-,12,2026-01-29
"""


@pytest.fixture(scope="module")
def loaded(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Read by tests; those that write take a copy."""
    root = tmp_path_factory.mktemp("bank")
    types = ("address", "landline")
    made = World(spark_session, root, (HOMES,), entity_types=types, memory=True)
    made.put("crm/1.csv", RECORDS)
    made.run()
    return made


@pytest.fixture
def world(loaded: World, tmp_path: Path) -> World:
    return loaded.copy(tmp_path / "bank")


def keys(world: World) -> dict[str, int]:
    return {row["id_value"]: row["id_key"] for row in world.read("identity.identifier").collect()}


def erase(world: World, *values: str, entire_person: bool = False) -> None:
    world.request(*values, entire_person=entire_person)
    assert world.run(day=NEXT).summary["identifiers erased"] == len(values)


def test_an_address_belongs_to_no_person_and_has_one_spelling(loaded: World) -> None:
    key = keys(loaded)
    assert set(key) == {
        *(f"+861391234567{n}" for n in range(3)),
        *("lake road 5 hangzhou", "hill lane 1 ningbo", "+8657187654321"),
    }
    road, hill, home = (
        key[v] for v in ("lake road 5 hangzhou", "hill lane 1 ningbo", "+8657187654321")
    )
    ann, bo, dan = (key[f"+861391234567{n}"] for n in range(3))
    assert loaded.rows("core.profiles", "record_id", "id_key", "ids", "entity_ids") == [
        ("1", ann, [ann], [road, home]),
        ("2", bo, [bo], [road]),
        ("3", None, [], [hill]),
        ("4", dan, [dan], None),
    ]
    known = loaded.rows("identity.identifier", "id_key", "entity")
    assert {key for key, entity in known if entity} == {road, hill, home}
    assert {key for key, entity in known if entity is None} == {ann, bo, dan}
    refused = loaded.rows("identity.refused", "id_type", "id_value", "why")
    assert refused == [("address", "-", "placeholder"), ("landline", "12", "malformed")]


@pytest.mark.slow
def test_an_address_that_is_erased_leaves_the_records_of_all_who_live_there(world: World) -> None:
    erase(world, "lake road 5 hangzhou")
    assert "lake road 5 hangzhou" not in keys(world)
    left = {
        record: (len(ids), named)
        for record, ids, named in world.rows("core.profiles", "record_id", "ids", "entity_ids")
    }
    home = keys(world)["+8657187654321"]
    assert left["1"] == (1, [home])
    assert left["2"] == (1, None)
    texts = [text for _, text in world.rows("raw.record", "line", "value")]
    assert not [text for text in texts if "ake " in text]
    # and does not come again with an old record
    world.put(
        "crm/2.csv", RECORDS.splitlines()[0] + "\n9,13912345679,lake road 5,hangzhou,,2026-01-30\n"
    )
    world.run(day=NEXT)
    assert "lake road 5 hangzhou" not in keys(world)
    assert "+8613912345679" in keys(world)


def test_the_address_of_an_erased_person_goes_with_the_last_who_lives_there(world: World) -> None:
    erase(world, "+8613912345670", entire_person=True)
    # 2 lives at the same address; the landline was 1's alone
    assert "+8657187654321" not in keys(world)
    assert "lake road 5 hangzhou" in keys(world)
    records = {row[0] for row in world.rows("core.profiles", "record_id")}
    assert records == {"2", "3", "4"}
