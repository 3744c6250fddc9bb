"""A crash at each kind of write to Delta, and at publishing: the next run starts from what was."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from databank.session import small_frame
from databank.tables import Column, DeltaStore, Store, TableSpec
from tests.support.memory_store import MemoryStore

DAY = date(2026, 1, 31)
ADDED = TableSpec(
    name="made.added",
    grain="one row per id",
    owner="make_things",
    key=("id",),
    columns=(Column("id", "bigint", "the id"), Column("name", "string", "its name")),
)
# a table for each kind of write
TABLES = [
    ADDED,
    *(replace(ADDED, name=f"made.{kind}") for kind in ("all", "part", "merged", "less", "keys")),
]
# the first of them, half of them, all of them are written
POINTS = ("after:made.added", "after:made.merged", "publish:make_things")


class InjectedError(Exception):
    """Raised by a fault point."""


def write(store: Store, offset: int) -> None:
    """Write to every table in its own way: some rows stay, some change, some come."""
    added, whole, part, merged, less, keys = TABLES

    def rows(*ids: int) -> DataFrame:
        named = [(n, f"{n} of {offset}") for n in ids]
        return small_frame(store.spark, named, "id bigint, name string")

    later = (offset, offset + 1)
    store.append(added, rows(*later))
    store.replace(whole, rows(*later))
    store.replace(part, rows(*later), where=f"id >= {offset}")
    store.upsert(merged, rows(*later, 1))
    store.upsert(less, rows(*later))
    store.delete(less, rows(1), "target.id = source.id")
    store.replace_keys(
        keys, rows(1, offset), small_frame(store.spark, [(1,), (offset,)], "id bigint")
    )


def run(store: Store, run_id: str, offset: int) -> None:
    store.refresh()
    store.start_run(run_id, TABLES)
    write(store, offset)
    store.publish("make_things", DAY)


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    store.refresh()
    store.start_run("reader", ())
    return {spec.name: sorted(tuple(row) for row in store.read(spec).collect()) for spec in TABLES}


@pytest.mark.slow
def test_the_next_run_finds_what_was_published_and_nothing_of_the_crash(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    whole = MemoryStore(spark_session, tmp_path / "memory")
    run(whole, "first", 2)
    root = str(tmp_path / "delta")
    run(DeltaStore(spark_session, root), "first", 2)
    before = contents(whole)
    for number, point in enumerate(POINTS):
        store = DeltaStore(spark_session, root)

        def fail(at: str, point: str = point) -> None:
            if at == point:
                raise InjectedError(at)

        store.fault = fail
        with pytest.raises(InjectedError):
            run(store, f"crashed {number}", 4)
        assert contents(DeltaStore(spark_session, root)) == before, point
    run(whole, "second", 4)
    run(DeltaStore(spark_session, root), "second", 4)
    after = contents(whole)
    assert contents(DeltaStore(spark_session, root)) == after
    assert all(before[spec.name] != after[spec.name] for spec in TABLES)
