"""Features are cut by time, and the layout of rows does not depend on the cluster."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from databank.archive.config import ArchiveConfig
from databank.models.families.tabular import Tabular, training_frame
from databank.models.frame import macro_frame
from databank.models.pipeline import with_scores
from tests.support.memory_store import MemoryStore
from tests.unit.models.samples import model
from tests.unit.models.world import CUT, FIRST, context_on, planted_days, publish_world


def _features(store: MemoryStore, config: Any) -> pd.DataFrame:
    context = context_on(store, tables=())
    frame = macro_frame(context, config.expressions, ArchiveConfig(), as_of=CUT)
    rows = training_frame(frame, config).toPandas()
    frame.unpersist()
    return rows.sort_values("person_id", ignore_index=True)


@pytest.fixture(scope="module")
def features(bank: MemoryStore) -> pd.DataFrame:
    return _features(bank, model())


def test_nothing_after_the_cut_changes_a_feature(
    features: pd.DataFrame, bank: MemoryStore, tmp_path: Any
) -> None:
    rows = planted_days()
    cut = (CUT - FIRST).days
    past = MemoryStore(bank.spark, tmp_path)
    publish_world(past, rows[rows["at"] <= cut])
    without = _features(past, model())
    pd.testing.assert_frame_equal(features.drop(columns="label"), without.drop(columns="label"))
    # and without a future, everybody is gone
    assert without["label"].eq(1).all()


def test_the_label_is_taken_of_the_days_after_the_cut(features: pd.DataFrame) -> None:
    rows, cut = planted_days(), (CUT - FIRST).days
    later = set(rows[(rows["at"] > cut) & (rows["at"] <= cut + 30)].person_id)
    expected = (~features.person_id.isin(later)).astype(float)
    pd.testing.assert_series_equal(features["label"], expected, check_names=False)


def test_who_came_after_the_cut_has_no_row(features: pd.DataFrame) -> None:
    rows, cut = planted_days(), (CUT - FIRST).days
    assert set(features.person_id) == set(rows[rows["at"] <= cut].person_id)


def test_the_top_share_is_taken_by_value(bank: MemoryStore) -> None:
    label = {"top_share": 0.2, "of": "amount('purchase', 'next 30 days')", "days": 30}
    features = _features(bank, model(label=label))
    rows, cut = planted_days(), (CUT - FIRST).days
    future = rows[(rows["at"] > cut) & (rows["at"] <= cut + 30)]
    spend = future.groupby("person_id").amount.sum().reindex(features.person_id, fill_value=0.0)
    expected = (spend > spend.quantile(0.8)).astype(float)
    assert features["label"].tolist() == expected.tolist()


def test_a_forest_does_not_depend_on_the_number_of_partitions(
    spark_session: SparkSession, bank: MemoryStore
) -> None:
    config = model(algorithm="random_forest", parameters={"num_trees": 5, "max_depth": 3})
    before = spark_session.conf.get("spark.sql.shuffle.partitions")
    scores = []
    try:
        for partitions in (2, 5):
            spark_session.conf.set("spark.sql.shuffle.partitions", partitions)
            frame = macro_frame(
                context_on(bank, tables=()), config.expressions, ArchiveConfig(), as_of=CUT
            )
            persons = training_frame(frame, config)
            fitted = Tabular().fit(persons, config, Tabular().profile(persons, config))
            scored = with_scores(fitted, persons, "person_id").toPandas()
            scores.append(scored.sort_values("person_id", ignore_index=True))
            frame.unpersist()
    finally:
        spark_session.conf.set("spark.sql.shuffle.partitions", before)
    pd.testing.assert_frame_equal(*scores, check_exact=True)


def test_a_part_is_kept_from_day_to_day(features: pd.DataFrame, bank: MemoryStore) -> None:
    config = model()
    earlier = CUT - timedelta(days=7)
    frame = macro_frame(
        context_on(bank, tables=()), config.expressions, ArchiveConfig(), as_of=earlier
    )
    parts = training_frame(frame, config).select("person_id", "part").toPandas()
    both = parts.merge(features, on="person_id", suffixes=("_then", "_now"))
    assert (both.part_then == both.part_now).all()
    assert both.part_now.value_counts(normalize=True)["holdout"] == pytest.approx(0.3, abs=0.05)
