"""How the values of tags are spread, against numpy and a loop over the same rows."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from databank.archive.config import ArchiveConfig
from databank.session import small_frame
from databank.tags.build import JOB
from databank.tags.coverage import value_distribution
from databank.tags.library import TagsConfig, read_tag
from tests.support.bank import DAY, make_bank

SHAPE = (
    "tag string, value_string string, value_double double, value_date date, as_of date, n bigint"
)
ARCHIVE = ArchiveConfig.model_validate({"dimensions": {"read": {"category": "props['category']"}}})
SHARES = (0.1, 0.5, 0.9)


def spread(spark: SparkSession, rows: list[tuple[Any, ...]]) -> Mapping[str, Any]:
    distribution = value_distribution(small_frame(spark, [(*row, DAY, 1) for row in rows], SHAPE))
    return {row["tag"]: row for row in distribution.collect()}


def test_quantiles_are_those_of_the_numbers_to_two_digits(spark_session: SparkSession) -> None:
    rng = np.random.default_rng(5)
    numbers = {
        "spend": np.round(rng.lognormal(5, 3, 400), 2),
        "debt": -np.round(rng.lognormal(3, 2, 301), 2),
        "score": rng.random(99),
        "once": np.array([7.0]),
        "even": np.array([1.0, 2.0] * 5),
        "huge": np.array([0.0, 1.26e11, 3.0e15]),
    }
    rows = [(tag, None, float(x), None) for tag, values in numbers.items() for x in values]
    by_tag = spread(spark_session, rows)
    for tag, values in numbers.items():
        exact = np.quantile(values, SHARES, method="inverted_cdf")
        assert by_tag[tag]["persons"] == len(values)
        assert by_tag[tag]["mean"] == pytest.approx(values.mean())
        assert by_tag[tag]["quantiles"] == pytest.approx(exact, rel=0.06, abs=0.0051)
        assert (by_tag[tag]["different"], by_tag[tag]["values"]) == (0, [])
    assert by_tag["huge"]["quantiles"] == [0.0, 1.26e11, 3.0e15]


def test_days_are_told_by_how_long_ago_they_were(spark_session: SparkSession) -> None:
    rows = [("first", None, None, DAY - timedelta(days=ago)) for ago in range(1, 11)]
    row = spread(spark_session, rows)["first"]
    assert (row["mean"], row["quantiles"]) == (None, [1.0, 5.0, 9.0])


def test_texts_are_counted_and_the_most_frequent_shown(spark_session: SparkSession) -> None:
    texts = [f"v{n:02d}" for n in range(30) for _ in range(n + 1)]
    banded = [
        ("risk", band, score, None) for band, score in zip("aab", (0.1, 0.2, 0.9), strict=True)
    ]
    by_tag = spread(spark_session, [*(("city", text, None, None) for text in texts), *banded])
    city, risk = by_tag["city"], by_tag["risk"]
    assert (city["persons"], city["different"], city["mean"]) == (len(texts), 30, None)
    assert city["quantiles"] == risk["quantiles"] == [None] * 3
    assert [tuple(row) for row in city["values"]] == sorted(Counter(texts).most_common(20))
    assert [tuple(row) for row in risk["values"]] == [("a", 2), ("b", 1)]
    assert risk["mean"] == pytest.approx(0.4)


def test_the_job_notes_them_but_not_what_few_have(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    days = "\n".join(
        f"{person} | 2026-01-{person:02d} | read | 1 | | | "
        + f"category={'sport' if person <= 7 else 'tech'}"
        for person in range(1, 11)
    )
    bank = make_bank(spark_session, tmp_path, persons=12, days=days)
    entries = [
        {"name": "since", "kind": "measure", "event": "read", "measure": "first"},
        {"name": "likes", "kind": "top", "event": "read", "by": "category"},
        {"name": "reader", "kind": "rule", "when": "events('read') > 0"},
        {"name": "nobody", "kind": "rule", "when": "events('read') > 9"},
    ]
    bank.run(JOB, TagsConfig(tuple(map(read_tag, entries)), ARCHIVE))
    noted = bank.metrics("tag_coverage", "tag")
    assert noted == {"since": 10, "likes": 10, "reader": 10, "nobody": 0}
    # from the 1st to the 10th of the month, seen on its 31st
    assert bank.metrics("tag_quantile", "share") == {"0.1": 21, "0.5": 25, "0.9": 29}
    assert bank.metrics("tag_different", "tag") == {"likes": 2}
    # three who like tech would be known by it
    assert bank.metrics("tag_value", "is") == {"sport": 7}
