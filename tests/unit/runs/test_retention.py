"""Tables keep the days of their retention, and no more."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.config import Settings
from databank.errors import GateRefusedError
from databank.runs import Context, Job, Outcome, Progress, Runner, StepResult
from databank.tables import Column, TableSpec, TableStore
from databank.tables.ops import RUN

DAY = date(2026, 1, 31)
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


def write_day(context: Context, config: object) -> StepResult:
    """Write the rows 1 and 2 of the run day into both tables."""
    rows = context.spark.range(1, 3).select("id", F.lit(context.day).alias("day"))
    for spec in (KEPT, FOREVER):
        context.store.replace(spec, rows, where=f"day = DATE'{context.day}'")
    if isinstance(config, Exception):
        raise config
    return StepResult()


JOB = Job(name="keep", step=write_day, tables=(KEPT, FOREVER), latest_only=False, always=True)


def run(spark: SparkSession, root: Path, day: date, config: object = None) -> Outcome:
    runner = Runner(spark, str(root), Settings(), progress=Progress(quiet=True))
    return runner.run(JOB, config, day=day, config_hash="h")


def days(spark: SparkSession, root: Path, spec: TableSpec) -> list[int]:
    """Days of January that a reader sees, each once for every row."""
    rows = TableStore(spark, str(root)).read(spec).orderBy("day").collect()
    return [row["day"].day for row in rows]


def test_rows_of_days_beyond_the_retention_go_with_the_run_that_passes_it(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    for number in (27, 28, 29, 30):
        run(spark_session, tmp_path, date(2026, 1, number))
    assert days(spark_session, tmp_path, KEPT) == [28, 28, 29, 29, 30, 30]
    assert set(days(spark_session, tmp_path, FOREVER)) == {27, 28, 29, 30}
    # the run counts the rows that it wrote, not those that it removed or kept
    written = TableStore(spark_session, str(tmp_path)).path(RUN)
    last = spark_session.read.format("delta").load(written).where("day = '2026-01-30'")
    assert last.collect()[0]["rows"] == {KEPT.name: 2, FOREVER.name: 2}
    # a re-run of the day is stable
    run(spark_session, tmp_path, date(2026, 1, 30))
    assert days(spark_session, tmp_path, KEPT) == [28, 28, 29, 29, 30, 30]
    # what a refused run would have removed stays
    refused = run(spark_session, tmp_path, DAY, GateRefusedError("no"))
    assert refused.outcome == "refused"
    assert days(spark_session, tmp_path, KEPT) == [28, 28, 29, 29, 30, 30]
    # days without a run count too
    run(spark_session, tmp_path, DAY + timedelta(days=1))
    assert days(spark_session, tmp_path, KEPT) == [30, 30, 1, 1]
    # an older day that is run again expires by its own date, and takes no newer row
    run(spark_session, tmp_path, date(2026, 1, 29))
    assert days(spark_session, tmp_path, KEPT) == [29, 29, 30, 30, 1, 1]


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
