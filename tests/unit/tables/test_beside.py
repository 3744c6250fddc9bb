"""A run that is paused at any point while another one takes its job over: one of them publishes."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.errors import DataBankError
from databank.tables import DeltaStore
from tests.unit.tables.test_ledger_damage import MADE, ids

DAY = date(2026, 1, 31)
POINTS = [f"before:{MADE.name}", f"after:{MADE.name}", "publish:make", "before:ops.publish"]


def load(store: DeltaStore, run_id: str) -> None:
    """A run that brings the numbers 1 and 2, unless they are there."""
    store.refresh()
    store.start_run(run_id, [MADE])
    there = {row["id"] for row in store.read(MADE).collect()}
    store.append(MADE, store.small(MADE, [(n,) for n in (1, 2) if n not in there]))
    store.publish("make", DAY)


@pytest.mark.parametrize(
    "point",
    [
        *(pytest.param(each, marks=pytest.mark.nightly) for each in POINTS[:-1]),
        pytest.param(POINTS[-1], marks=pytest.mark.slow),
    ],
)
def test_what_a_paused_run_wrote_is_not_published_beside_that_of_the_other(
    spark_session: SparkSession, tmp_path: Path, point: str
) -> None:
    root = str(tmp_path)
    paused = DeltaStore(spark_session, root)

    def take_over(at: str) -> None:
        if at == point:
            paused.fault = lambda _: None
            load(DeltaStore(spark_session, root), "20260131-make-other")
            # what the paused process has set in its own session
            conf = "spark.databricks.delta.commitInfo.userMetadata"
            spark_session.conf.set(conf, "databank:20260131-make-paused")

    paused.fault = take_over
    with pytest.raises(DataBankError, match=r"another run (of it published|wrote to it) while"):
        load(paused, "20260131-make-paused")
    assert ids(spark_session, tmp_path) == [1, 2]
    # whatever of it lies in the table is taken back by the next run
    load(DeltaStore(spark_session, root), "20260131-make-next")
    assert ids(spark_session, tmp_path) == [1, 2]
