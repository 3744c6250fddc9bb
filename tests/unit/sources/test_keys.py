"""Two identifiers never share a key, and each keeps the one it was given."""

import pytest
from pyspark.sql import Column, DataFrame, SparkSession, functions as F

from databank.session import small_frame
from databank.sources import keys
from databank.sources.identifiers import IDENTIFIERS
from databank.sources.keys import key_collisions, unknown_identifiers, with_corrected_keys
from databank.sources.tables import IDENTIFIER

STAGED = (
    f"line bigint, rule string, identifiers {IDENTIFIERS}, ids array<bigint>, "
    "entity_ids array<bigint>"
)
Name = tuple[str, str, str]
ANN, BOB, CAT, DAN = (("phone", "", name) for name in ("ann", "bob", "cat", "dan"))


def staged(spark: SparkSession, *records: list[tuple[int, Name]]) -> DataFrame:
    rows = [
        (n, None, [(key, *name, None) for key, name in record], [key for key, _ in record], None)
        for n, record in enumerate(records)
    ]
    return small_frame(spark, rows, STAGED)


def known(spark: SparkSession, *rows: tuple[int, Name, int]) -> DataFrame:
    full = [(key, *name, None, "load", salt) for key, name, salt in rows]
    return small_frame(spark, full, IDENTIFIER.schema())


def names_and_keys(rows: DataFrame) -> list[tuple[str, int, int]]:
    return sorted((row["id_value"], row["id_key"], row["salt"]) for row in rows.collect())


@pytest.fixture
def few_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Salt 1 gives 7 to everybody, salt n then 10 n and more."""

    def key_of(_: Column, __: Column, value: Column, *, salt: int) -> Column:
        return F.lit(7).cast("bigint") if salt == 1 else F.length(value) + F.lit(10 * salt)

    monkeypatch.setattr(keys, "key_of", key_of)


@pytest.mark.usefixtures("few_keys")
def test_who_comes_second_to_a_key_gets_another(spark_session: SparkSession) -> None:
    rows = staged(spark_session, [(5, ANN), (6, DAN)], [(5, BOB)], [(5, CAT)])
    fresh, collisions = unknown_identifiers(rows, known(spark_session, (5, BOB, 0)), load_id="l")
    # ann and cat are late to 5; both would have 7, then 23: the later one tries on
    assert names_and_keys(fresh) == [("ann", 7, 1), ("cat", 23, 2), ("dan", 6, 0)]
    assert sorted(fresh.columns) == sorted(IDENTIFIER.schema().names)
    assert [name[:3] for name in collisions] == [ANN, CAT]


@pytest.mark.usefixtures("few_keys")
def test_in_one_load_the_smaller_name_keeps_the_key(spark_session: SparkSession) -> None:
    rows = staged(spark_session, [(5, CAT)], [(5, BOB)], [(8, ANN)])
    fresh, collisions = unknown_identifiers(rows, known(spark_session), load_id="l")
    assert names_and_keys(fresh) == [("ann", 8, 0), ("bob", 5, 0), ("cat", 7, 1)]
    right = with_corrected_keys(rows, collisions).orderBy("line").collect()
    assert [row["ids"] for row in right] == [[7], [5], [8]]
    assert [row["identifiers"][0]["id_key"] for row in right] == [7, 5, 8]


@pytest.mark.usefixtures("few_keys")
def test_an_address_with_the_key_of_a_phone_gets_another(spark_session: SparkSession) -> None:
    lane = ("address", "", "lane")
    both = [(5, *BOB, None), (5, *lane, True)]
    rows = small_frame(spark_session, [(0, None, both, [5], [5])], STAGED)
    fresh, collisions = unknown_identifiers(rows, known(spark_session), load_id="l")
    named = {(row["id_value"], row["id_key"], row["entity"]) for row in fresh.collect()}
    # of two names the smaller one: an address
    assert named == {("lane", 5, True), ("bob", 7, None)}
    [right] = with_corrected_keys(rows, collisions).select("ids", "entity_ids").collect()
    assert tuple(right) == ([7], [5])


def test_a_later_load_gives_the_same_key(spark_session: SparkSession) -> None:
    existing = known(spark_session, (5, BOB, 0), (7, CAT, 1))
    rows = with_corrected_keys(
        staged(spark_session, [(5, CAT), (5, BOB)]), key_collisions(existing)
    )
    assert [row["ids"] for row in rows.collect()] == [[7, 5]]
    fresh, collisions = unknown_identifiers(rows, existing, load_id="l")
    assert fresh.isEmpty()
    assert collisions == []
