"""Percentiles against numpy, and bands."""

import numpy as np
from pyspark.sql import SparkSession

from databank.session import small_frame
from databank.tags.library import read_tag
from databank.tags.values import tag_rows, with_tags


def test_the_top_share_is_taken_among_those_with_a_value(spark_session: SparkSession) -> None:
    values = np.random.default_rng(3).lognormal(3, 1, 500).round(2)
    values[:200] = 0
    rows = [(i, float(v)) for i, v in enumerate(values)]
    frame = small_frame(spark_session, rows, "person_id bigint, spend double")
    top = {"name": "top", "kind": "percentile", "of": "spend", "share": 0.2}
    chosen = with_tags(frame, [read_tag(top)]).where("top").toPandas()
    cut = np.percentile(values[values > 0], 80)
    assert sorted(chosen.person_id) == np.flatnonzero((values >= cut) & (values > 0)).tolist()
    assert len(chosen) == 60


def test_bands_take_the_highest_that_is_reached(spark_session: SparkSession) -> None:
    risk = read_tag(
        {"name": "risk", "kind": "model", "model": "churn", "bands": {"high": 0.7, "medium": 0.4}}
    )
    column = risk.expressions[0].sql
    scores = [(1, 0.9), (2, 0.7), (3, 0.5), (4, 0.1), (5, None)]
    frame = small_frame(spark_session, scores, f"person_id bigint, {column} double")
    rows = tag_rows(with_tags(frame, [risk]), [risk])
    values = rows.select("person_id", "value_string", "value_double").collect()
    # below the lowest band, and without a score, there is no row
    assert sorted(tuple(row) for row in values) == [
        (1, "high", 0.9), (2, "high", 0.7), (3, "medium", 0.5),
    ]  # fmt: skip
