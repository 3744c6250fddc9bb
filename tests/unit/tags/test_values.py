"""Percentiles against numpy, and bands."""

import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
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


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_of_equal_values_all_are_in_or_the_first(spark_session: SparkSession, share: float) -> None:
    draw = random.Random(7)
    columns = {
        "none": [draw.choice([None, 0.0, -1.0]) for _ in range(30)],
        "equal": [5.0] * 30,
        "unequal": [float(n) for n in draw.sample(range(1, 100), 30)],
        "few": [draw.choice([None, 0.0, 1.0, 2.0, 2.0, 3.0]) for _ in range(30)],
    }
    rows = list(zip(range(100, 130), *columns.values(), strict=True))
    schema = "person_id bigint, " + ", ".join(f"`{name}` double" for name in columns)
    tags = [
        read_tag({"name": f"{of}_{ties}", "kind": "percentile", "of": of, "share": share,
                  "ties": ties})
        for of in columns
        for ties in ("all", "first")
    ]  # fmt: skip
    aggregates: dict[str, list[Any]] = {}
    wide = with_tags(small_frame(spark_session, rows, schema), tags, aggregates).toPandas()
    for of, values in columns.items():
        given = pd.Series(values, index=range(100, 130), dtype=float)
        above = given[given > 0]
        cut = np.percentile(above, 100 * (1 - share)) if len(above) else np.inf
        everybody = above[above >= cut - 1e-12]
        # of as many values, none of which are equal
        places = np.arange(max(len(above), 1))
        wanted = int(sum(places >= np.percentile(places, 100 * (1 - share)) - 1e-9))
        wanted = min(wanted, len(above))
        ordered = everybody.sort_index().sort_values(ascending=False, kind="stable")
        assert sorted(wide.person_id[wide[f"{of}_all"]]) == sorted(everybody.index), of
        assert sorted(wide.person_id[wide[f"{of}_first"]]) == sorted(ordered.index[:wanted]), of
        for ties, size in (("all", len(everybody)), ("first", wanted)):
            figures, line = next(
                tag.report(aggregates[tag.name]) for tag in tags if tag.name == f"{of}_{ties}"
            )
            assert figures.get("tag_share", 0) == (size / len(above) if len(above) else 0)
            assert (f"{size} of {len(above)} above 0" in line) == (len(above) > 0)


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
