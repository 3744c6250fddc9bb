"""The contract of a store, on Delta and in memory: publishing, restoring, keys, changes."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from databank.errors import DataBankError, ForeignCommitError, UnsafeKeysError
from databank.session import small_frame
from databank.tables import Column, DeltaStore, Store, TableSpec
from tests.support.memory_store import MemoryStore

DAY = date(2026, 1, 31)
THING = TableSpec(
    name="core.thing",
    grain="one row per id",
    owner="make_things",
    key=("id",),
    change_feed=True,
    columns=(Column("id", "bigint", "the id"), Column("name", "string", "its name", pii=True)),
)


def rows(spark: SparkSession, *pairs: tuple[int | None, str]) -> DataFrame:
    return small_frame(spark, pairs, "id bigint, name string")


def content(frame: DataFrame) -> list[tuple[int, str]]:
    return sorted((row["id"], row["name"]) for row in frame.collect())


def delta(spark: SparkSession, root: Path) -> Store:
    return DeltaStore(spark, str(root))


def memory(spark: SparkSession, root: Path) -> Store:
    return MemoryStore(spark, root)


@pytest.fixture(params=[delta, memory])
def store(request: pytest.FixtureRequest, spark_session: SparkSession, tmp_path: Path) -> Store:
    made: Store = request.param(spark_session, tmp_path)
    made.start_run("run-1", [THING])
    return made


@pytest.fixture
def delta_store(spark_session: SparkSession, tmp_path: Path) -> DeltaStore:
    made = DeltaStore(spark_session, str(tmp_path))
    made.start_run("run-1", [THING])
    return made


def reader_of(store: Store) -> Store:
    return store.reader() if isinstance(store, MemoryStore) else DeltaStore(store.spark, store.root)


def reopened(store: Store, run_id: str) -> Store:
    again = reader_of(store)
    again.start_run(run_id, [THING])
    return again


def version(store: Store) -> int | None:
    return store.newest_version(THING)


def test_readers_see_what_was_published_and_nothing_later(store: Store) -> None:
    spark = store.spark
    assert content(store.read(THING)) == []
    store.append(THING, rows(spark, (1, "a")))
    reader = reader_of(store)
    assert content(reader.read(THING)) == []
    store.publish("make_things", DAY)
    store.append(THING, rows(spark, (2, "b")))
    reader.refresh()
    assert content(reader.read(THING)) == [(1, "a")]
    assert content(store.require("core.thing")) == [(1, "a"), (2, "b")]


def test_a_crashed_run_is_taken_back_before_the_next_one(store: Store) -> None:
    spark = store.spark
    store.append(THING, rows(spark, (1, "a")))
    store.publish("make_things", DAY)
    store.append(THING, rows(spark, (2, "crashed")))
    again = reopened(store, "run-2")
    again.append(THING, rows(spark, (3, "c")))
    again.publish("make_things", DAY)
    assert content(again.read(THING)) == [(1, "a"), (3, "c")]


def test_a_table_whose_first_run_crashed_begins_anew(store: Store) -> None:
    store.append(THING, rows(store.spark, (1, "crashed")))
    again = reopened(store, "run-2")
    assert content(again.read(THING)) == []
    again.append(THING, rows(store.spark, (2, "b")))
    again.publish("make_things", DAY)
    assert content(again.read(THING)) == [(2, "b")]


def test_changes_leave_out_what_was_taken_back(store: Store) -> None:
    spark = store.spark
    store.append(THING, rows(spark, (1, "a")))
    store.publish("make_things", DAY)
    since = store.published[THING.name]
    store.append(THING, rows(spark, (2, "crashed")))
    again = reopened(store, "run-2")
    again.append(THING, rows(spark, (2, "b"), (3, "c")))
    again.publish("make_things", DAY)
    reader = reader_of(store)
    assert content(reader.changes(THING, since)) == [(2, "b"), (3, "c")]
    assert content(reader.changes(THING, None)) == [(1, "a"), (2, "b"), (3, "c")]
    assert content(reader.changes(THING, reader.published[THING.name])) == []


def test_what_was_altered_since_is_told_before_and_after(store: Store) -> None:
    spark = store.spark
    store.append(THING, rows(spark, (1, "a"), (2, "b"), (4, "d")))
    store.publish("make_things", DAY)
    since = store.published[THING.name]
    again = reopened(store, "run-2")
    again.append(THING, rows(spark, (3, "c"), (5, "e")))
    again.publish("make_things", DAY)
    reader = reader_of(store)
    assert content(reader.altered(THING, since)) == []
    third = reopened(store, "run-3")
    # one that came a moment ago, one of old, one that is new
    third.upsert(THING, rows(spark, (3, "cc"), (2, "bb"), (6, "f")))
    third.publish("make_things", DAY)
    reader = reader_of(store)
    assert content(reader.changes(THING, since)) == [(5, "e"), (6, "f")]
    assert content(reader.altered(THING, since)) == [(2, "b"), (2, "bb"), (3, "c"), (3, "cc")]
    assert content(reader.altered(THING, None)) == []


def test_a_commit_of_somebody_else_is_named(delta_store: DeltaStore) -> None:
    delta_store.append(THING, rows(delta_store.spark, (1, "a")))
    delta_store.publish("make_things", DAY)
    conf = "spark.databricks.delta.commitInfo.userMetadata"
    delta_store.spark.conf.set(conf, "")
    rows(delta_store.spark, (9, "x")).write.format("delta").mode("append").save(
        delta_store.path(THING)
    )
    with pytest.raises(ForeignCommitError, match=r"core\.thing: version 1 \(WRITE\) was not"):
        reopened(delta_store, "run-2")


@pytest.mark.parametrize("writes_after", [False, True])
def test_a_run_publishes_nothing_that_another_one_wrote_beside_it(
    delta_store: DeltaStore, *, writes_after: bool
) -> None:
    spark, conf = delta_store.spark, "spark.databricks.delta.commitInfo.userMetadata"
    delta_store.append(THING, rows(spark, (1, "a")))
    taking_over = reopened(delta_store, "run-2")
    taking_over.append(THING, rows(spark, (2, "b")))
    taking_over.publish("make_things", DAY)
    spark.conf.set(conf, "databank:run-1")
    if writes_after:
        delta_store.append(THING, rows(spark, (3, "c")))
    with pytest.raises(DataBankError, match="another run wrote to it while this one was running"):
        delta_store.publish("make_things", DAY)
    assert content(reader_of(taking_over).read(THING)) == [(2, "b")]
    # the next run takes back what was not published
    assert content(reopened(taking_over, "run-3").read(THING)) == [(2, "b")]


def test_a_published_table_that_is_gone_is_named(delta_store: DeltaStore) -> None:
    delta_store.append(THING, rows(delta_store.spark, (1, "a")))
    delta_store.publish("make_things", DAY)
    delta_store.files.delete(delta_store.path(THING))
    with pytest.raises(DataBankError, match="nothing lies at"):
        reopened(delta_store, "run-2")


@pytest.mark.parametrize("pairs", [[(None, "a")], [(1, "a"), (1, "b")]])
@pytest.mark.parametrize("way", ["append", "replace", "upsert"])
def test_unsafe_keys_are_refused_before_anything_is_written(
    store: Store, pairs: list[tuple[int | None, str]], way: str
) -> None:
    store.append(THING, rows(store.spark, (7, "kept")))
    before = version(store)
    with pytest.raises(UnsafeKeysError, match="nothing was written"):
        getattr(store, way)(THING, rows(store.spark, *pairs))
    assert version(store) == before


def test_null_is_a_value_in_an_open_key(store: Store) -> None:
    spec = replace(THING, key=("id", "name"), open_key=("name",))
    blank: list[tuple[int | None, str | None]] = [(1, None), (1, "a"), (2, None)]
    store.append(spec, small_frame(store.spark, blank, "id bigint, name string"))
    with pytest.raises(UnsafeKeysError, match="repeated for 1 keys"):
        store.replace(spec, small_frame(store.spark, [*blank, (2, None)], "id bigint, name string"))
    with pytest.raises(UnsafeKeysError, match="null in 1 rows"):
        store.replace(spec, small_frame(store.spark, [(None, "a")], "id bigint, name string"))


def test_upsert_replaces_known_keys_and_adds_new_ones(store: Store) -> None:
    store.append(THING, rows(store.spark, (1, "a"), (2, "b")))
    store.upsert(THING, rows(store.spark, (2, "B"), (3, "c")))
    assert content(store.read(THING)) == [(1, "a"), (2, "B"), (3, "c")]


def test_replacing_a_scope_touches_nothing_else(store: Store) -> None:
    spark = store.spark
    store.append(THING, rows(spark, (1, "a"), (2, "b"), (3, "c")))
    scope = small_frame(spark, [(2,), (3,), (4,)], "id bigint")
    store.replace_keys(THING, rows(spark, (3, "C"), (4, "d")), scope)
    assert content(store.read(THING)) == [(1, "a"), (3, "C"), (4, "d")]


def test_an_empty_scope_commits_nothing(store: Store) -> None:
    store.append(THING, rows(store.spark, (1, "a")))
    written = store.versions_written[THING.name]
    nothing = small_frame(store.spark, [], "id bigint")
    store.replace_keys(THING, rows(store.spark), nothing)
    assert store.versions_written[THING.name] == written
    assert content(store.read(THING)) == [(1, "a")]


def test_a_scope_with_a_repeated_key_is_refused(store: Store) -> None:
    store.append(THING, rows(store.spark, (1, "a")))
    before = version(store)
    scope = small_frame(store.spark, [(1,)], "id bigint")
    with pytest.raises(UnsafeKeysError):
        store.replace_keys(THING, rows(store.spark, (1, "b"), (1, "c")), scope)
    assert version(store) == before


def test_a_row_outside_of_the_scope_is_refused(store: Store) -> None:
    store.append(THING, rows(store.spark, (1, "a"), (2, "b")))
    before = version(store)
    scope = small_frame(store.spark, [(1,)], "id bigint")
    with pytest.raises(RuntimeError, match="outside of the scope"):
        store.replace_keys(THING, rows(store.spark, (1, "A"), (2, "B")), scope)
    assert version(store) == before


def test_a_column_of_another_type_is_refused(store: Store) -> None:
    wrong = store.spark.createDataFrame([("x", "a")], "id string, name string")
    with pytest.raises(Exception, match="id"):
        store.append(THING, wrong)


def test_columns_keep_their_comments(delta_store: DeltaStore) -> None:
    delta_store.append(THING, rows(delta_store.spark, (1, "a")))
    described = delta_store.spark.sql(f"DESCRIBE TABLE delta.`{delta_store.path(THING)}`").collect()
    assert {(row["col_name"], row["comment"]) for row in described} >= {("id", "the id")}


def test_a_table_asked_for_by_name_must_have_been_published(store: Store) -> None:
    with pytest.raises(DataBankError, match=r"models\.score: not published yet"):
        store.require("models.score")


def test_rows_do_not_come_to_a_table_of_other_types(store: Store) -> None:
    store.append(THING, rows(store.spark, (1, "a")))
    columns = (Column("id", "bigint", "the id"), Column("name", "decimal(28,8)", "its name"))
    changed = replace(THING, columns=columns)
    numbers = small_frame(store.spark, [(2, Decimal(1))], "id bigint, name decimal(28,8)")
    wrong = r"core.thing: name is string in this bank, .* and decimal\(28,8\) in this one; build"
    with pytest.raises(DataBankError, match=wrong):
        store.append(changed, numbers)
    with pytest.raises(DataBankError, match=wrong):
        store.upsert(changed, numbers)
    with pytest.raises(DataBankError, match=wrong):
        store.replace(changed, numbers, where="id = 2")
    store.replace(changed, numbers)
    assert store.read(changed).collect() == numbers.collect()
