"""Tables keep the days of their retention, and no more."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.config import Settings
from databank.errors import GateRefusedError
from databank.runs import Context, Job, Progress, Runner, StepResult
from databank.tables import Column, TableSpec
from databank.tables.ops import RUN
from tests.support.memory_store import MemoryStore

KEPT = TableSpec(
    name="core.kept",
    grain="one row per id and day",
    owner="keep",
    key=("id", "day"),
    retention_days=3,
    columns=(Column("id", "bigint", "id"), Column("day", "date", "run day")),
)
FOREVER = TableSpec(
    name="core.forever",
    grain="one row per id and day",
    owner="keep",
    key=("id", "day"),
    columns=KEPT.columns,
)


@dataclass(frozen=True)
class Days:
    """What the step writes: two rows of each of so many days up to the run day."""

    number: int = 1
    refused: bool = False


ONE_DAY = Days()


def write_days(context: Context, config: Days) -> StepResult:
    """Write the rows 1 and 2 of each day into both tables."""
    first = context.day - timedelta(days=config.number - 1)
    rows = context.spark.range(2 * config.number).select(
        (F.col("id") % 2).alias("id"),
        F.date_add(F.lit(first), F.floor(F.col("id") / 2).cast("int")).alias("day"),
    )
    for spec in (KEPT, FOREVER):
        where = f"day BETWEEN DATE'{first}' AND DATE'{context.day}'"
        context.store.replace(spec, rows, where=where)
    if config.refused:
        raise GateRefusedError("no")
    return StepResult()


JOB = Job(
    name="keep",
    step=write_days,
    tables=(KEPT, FOREVER),
    logic_version=1,
    latest_only=False,
    outside=lambda *_: True,
)


class World:
    """A bank with the two tables."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self.store = MemoryStore(spark, root)
        self.runner = Runner(self.store, Settings(), progress=Progress(quiet=True))

    def run(self, day: date, config: Days = ONE_DAY) -> str:
        """Run the job, and tell the outcome."""
        return self.runner.run(JOB, config, day=day, config_hash="h").outcome

    def days(self, spec: TableSpec) -> list[int]:
        """Days of the month that a reader sees, each once for every row."""
        rows = self.store.reader().read(spec).orderBy("day").collect()
        return [row["day"].day for row in rows]


def test_rows_of_days_beyond_the_retention_go_with_the_run_that_passes_them(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    world = World(spark_session, tmp_path)
    assert world.run(date(2026, 1, 30), Days(4)) == "done"
    assert world.days(KEPT) == [28, 28, 29, 29, 30, 30]
    assert set(world.days(FOREVER)) == {27, 28, 29, 30}
    # a re-run of the day is stable
    assert world.run(date(2026, 1, 30)) == "done"
    assert world.days(KEPT) == [28, 28, 29, 29, 30, 30]
    # what a refused run would have removed stays
    assert world.run(date(2026, 1, 31), Days(refused=True)) == "refused"
    assert world.days(KEPT) == [28, 28, 29, 29, 30, 30]
    # days without a run count too
    assert world.run(date(2026, 2, 1)) == "done"
    assert world.days(KEPT) == [30, 30, 1, 1]
    runs = world.store.ledger(RUN)
    assert runs is not None
    last = runs.where("day = '2026-02-01'").collect()[0]
    assert last["rows"] == {KEPT.name: 2, FOREVER.name: 2}
    # an older day that is run again expires by its own date, and takes no newer row
    assert world.run(date(2026, 1, 29)) == "done"
    assert world.days(KEPT) == [29, 29, 30, 30, 1, 1]


@pytest.mark.parametrize(
    ("columns", "retention", "message"),
    [
        ((Column("id", "bigint", "id"),), 30, "retention_days needs a column `day` of type date"),
        ((Column("day", "string", "day"),), 30, "retention_days needs a column `day` of type date"),
        ((Column("day", "date", "day"),), 0, "retention_days is 0; at least 1"),
    ],
)
def test_a_table_that_has_no_days_cannot_expire(
    columns: tuple[Column, ...], retention: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TableSpec(name="a.b", grain="one row", owner="x", columns=columns, retention_days=retention)
