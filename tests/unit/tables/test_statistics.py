"""Delta's log holds no personal data: of new tables, and of those that an older databank made."""

import json
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from databank.project.catalog import all_tables
from databank.session import small_frame
from databank.tables import Column, DeltaStore, TableSpec
from tests.support.search import holding

# tables of several commits in Delta
pytestmark = pytest.mark.slow

DAY = date(2026, 1, 31)
CARD = TableSpec(
    name="core.card",
    grain="one row per number",
    owner="make_cards",
    key=("number",),
    cluster_by=("kind",),
    change_feed=True,
    columns=(
        Column("number", "bigint", "number of a card", pii=True),
        Column("kind", "string", "debit or credit"),
        Column("holder", "string", "whose it is", pii=True),
        Column("day", "date", "since when"),
        Column("n", "int", "payments"),
    ),
)
PERSONS = [(70010001 + n, "debit", f"Holder{n} Family{n}", DAY, n) for n in range(6)]
VALUES = [str(value) for row in PERSONS for value in (row[0], row[2])]


def cards(spark: SparkSession, *rows: tuple[object, ...]) -> DataFrame:
    return small_frame(spark, rows, CARD.schema())


def opened(spark: SparkSession, root: Path, run_id: str) -> DeltaStore:
    store = DeltaStore(spark, str(root))
    store.start_run(run_id, [CARD])
    return store


def in_log(root: Path) -> set[str]:
    places = holding(root / "core" / "card" / "_delta_log", VALUES).values()
    return {name for names in places for name in names}


def statistics(root: Path) -> list[dict[str, dict[str, object]]]:
    """Those of all files that commits add, but for how many rows they have."""
    lines = [
        json.loads(line)
        for path in sorted((root / "core" / "card" / "_delta_log").glob("*.json"))
        for line in path.read_text().splitlines()
    ]
    texts = (line["add"]["stats"] for line in lines if "add" in line)
    return [
        {part: each[part] for part in ("minValues", "maxValues")} for each in map(json.loads, texts)
    ]


@pytest.fixture
def older(spark_session: SparkSession, tmp_path: Path) -> Path:
    """A table as an older databank made it: statistics of all columns, commits and a checkpoint."""
    store = opened(spark_session, tmp_path, "older")
    path, first = store.path(CARD), True
    for row in PERSONS:
        writer = cards(spark_session, row).coalesce(1).write.format("delta").mode("append")
        if first:
            writer = writer.clusterBy("kind").option("delta.enableChangeDataFeed", "true")
            writer = writer.option("delta.checkpointInterval", "4")
        writer.save(path)
        first = False
    store.versions_written = {CARD.name: len(PERSONS) - 1}
    store.publish("make_cards", DAY)
    return tmp_path


def test_statistics_of_a_new_table_are_of_days_numbers_and_what_it_is_clustered_by(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    store = opened(spark_session, tmp_path, "run-1")
    for row in PERSONS[:2]:
        store.append(CARD, cards(spark_session, row))
    store.upsert(CARD, cards(spark_session, PERSONS[2]))
    assert in_log(tmp_path) == set()
    for n, each in enumerate(statistics(tmp_path)):
        assert each == {part: {"kind": "debit", "day": str(DAY), "n": n} for part in each}
    # they are there for the search to meet, in the rows
    assert all(files for files in holding(tmp_path / "core" / "card", VALUES[:6]).values())


def test_an_older_log_is_cleaned_and_no_version_of_the_table_is_lost(
    spark_session: SparkSession, older: Path
) -> None:
    names = in_log(older)
    assert any("checkpoint" in name for name in names)
    assert {Path(name).suffix for name in names} == {".json", ".crc", ".parquet"}
    store = opened(spark_session, older, "run-2")
    assert in_log(older) == set()
    for version in range(6):
        rows = store.read_version(CARD, version)
        assert sorted(map(tuple, rows.collect())) == PERSONS[: version + 1]
        assert rows.where("day < '2026-01-01'").isEmpty()
    assert [each["maxValues"]["n"] for each in statistics(older)] == list(range(6))


@pytest.mark.nightly
def test_an_older_table_keeps_none_from_the_next_write_on_and_after_a_crash(
    spark_session: SparkSession, older: Path
) -> None:
    new = (70019999, "credit", "Holder99 Family99", DAY, 7)
    crashed = opened(spark_session, older, "run-2")
    crashed.append(CARD, cards(spark_session, new))
    again = opened(spark_session, older, "run-3")
    assert again.read(CARD).count() == len(PERSONS)
    again.append(CARD, cards(spark_session, new))
    again.publish("make_cards", DAY)
    assert again.read(CARD).count() == len(PERSONS) + 1
    log = older / "core" / "card" / "_delta_log"
    assert holding(log, ["70019999", "Holder99"]) == {"70019999": set(), "Holder99": set()}
    assert in_log(older) == set()
    reader = DeltaStore(spark_session, str(older))
    since = len(PERSONS) - 1
    assert [tuple(row) for row in reader.changes(CARD, since).collect()] == [new]


def test_keys_texts_and_values_of_persons_are_marked_in_all_tables() -> None:
    for spec in all_tables().values():
        types = {column.name: column.type for column in spec.columns}
        # a text of which a log keeps values is a name of the configuration, or of an event
        texts = {name for name in spec.statistics if types[name] == "string"}
        assert texts <= {"tag", "event", "audience", "name", "model", "indicator"}, spec.name
        keys = {"id_key", "a_key", "b_key", "record_id", "id_value", "page"} & set(types)
        assert keys <= set(spec.pii), spec.name
        assert not set(spec.pii) & set(spec.statistics), spec.name
