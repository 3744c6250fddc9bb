"""Retention of a mobile game by its A/B test, as published."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from databank.indicators.tables import INDICATOR
from databank.project.execute import execute
from databank.project.load import load_project
from databank.project.plan import plan_all
from databank.tables import DeltaStore
from tests.flow.conftest import HERE
from tests.flow.test_real_data import DATA

# Cookie Cats by Tactile Entertainment, a data set of DataCamp's project "Mobile Games A/B Testing
# with Cookie Cats": shares of players, in per cent
PUBLISHED = {
    ("gate_30", "day 1"): 44.82,
    ("gate_40", "day 1"): 44.23,
    ("gate_30", "day 7"): 19.02,
    ("gate_40", "day 7"): 18.20,
}
FILE = DATA / "cookie_cats_retention" / "cookie_cats.csv.gz"


@pytest.mark.slow
@pytest.mark.usefixtures("planned_for_many")
@pytest.mark.skipif(
    not FILE.exists(), reason="set DATABANK_DATA to the folder of the real data sets"
)
def test_retention_of_cookie_cats_is_as_published(
    spark_session: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABANK_DATA", str(DATA))
    project = load_project(HERE / "conf" / "examples" / "cookie_cats")
    steps = [step for step in plan_all(project, None) if step.job != "publish_report"]
    outcomes = execute(project, steps, root=str(tmp_path), day=date(2017, 1, 8))
    assert {outcome.outcome for outcome in outcomes} == {"done"}
    rows = DeltaStore(spark_session, str(tmp_path)).read(INDICATOR).collect()
    retention = {
        (r["dimension_value"], r["part"]): r for r in rows if r["indicator"] == "retention"
    }
    shares = {place: round(100 * row["value"], 2) for place, row in retention.items()}
    assert shares == PUBLISHED
    raw = pd.read_csv(FILE).groupby("version")
    back = {
        (version, f"day {n}"): (int(group[f"retention_{n}"].sum()), len(group))
        for version, group in raw
        for n in (1, 7)
    }
    assert {place: (row["persons"], row["base"]) for place, row in retention.items()} == back
    new = {r["dimension_value"]: r["persons"] for r in rows if r["indicator"] == "players"}
    assert new == raw.size().to_dict()
