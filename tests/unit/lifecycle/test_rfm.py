"""RFM against pandas."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from databank.lifecycle.config import RfmConfig
from databank.lifecycle.rfm import rfm_values, with_rfm_scores

DAY = date(2026, 1, 31)
CUTS = {"r": [7, 14, 21, 28], "f": [2, 3, 4, 5], "m": [10, 50, 100, 200]}


def archive(spark: SparkSession, seed: int = 7) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    size = 400
    return pd.DataFrame(
        {
            "person_id": draw.integers(1, 60, size),
            "day": [date(2026, 1, int(d)) for d in draw.integers(1, 32, size)],
            "event": draw.choice(["purchase", "return", "login"], size, p=[0.5, 0.1, 0.4]),
            "invoice": draw.choice(["a", "b", "c", "d", ""], size),
            "amount": draw.integers(1, 9000, size) / 100,
        }
    )


def test_values_and_scores_agree_with_pandas(spark_session: SparkSession, tmp_path: Path) -> None:
    given = archive(spark_session)
    rows = spark_session.createDataFrame(given).selectExpr(
        "person_id", "cast(day as date) day", "event", "map('invoice', nullif(invoice, '')) dims",
        "cast(amount as decimal(38,8)) amount",
    )  # fmt: skip
    config = RfmConfig.model_validate(
        {
            "event": "purchase",
            "frequency": {"distinct": "invoice"},
            "also_money": ["return"],
            "cuts": CUTS,
            "segments": [
                {"name": "best", "when": "r >= 4 and f >= 4"},
                {"name": "asleep", "when": "r <= 2"},
            ],
        }
    )
    scored = with_rfm_scores(rfm_values(rows, config, as_of=DAY), config).toPandas()
    scored = scored.sort_values("person_id", ignore_index=True)

    bought = given[given.event == "purchase"]
    by_person = bought.groupby("person_id")
    expected = pd.DataFrame(
        {
            "recency_days": by_person.day.max().map(lambda day: (DAY - day).days),
            "frequency": bought[bought.invoice != ""].groupby("person_id").invoice.nunique(),
            "monetary": given[given.event != "login"].groupby("person_id").amount.sum(),
        }
    ).loc[sorted(bought.person_id.unique())]
    expected["frequency"] = expected.frequency.fillna(0)
    assert scored.person_id.tolist() == expected.index.tolist()
    for column in expected:
        np.testing.assert_allclose(scored[column], expected[column])
    r = 5 - np.searchsorted(CUTS["r"], expected.recency_days, side="left")
    f = 1 + np.searchsorted(CUTS["f"], expected.frequency, side="right")
    m = 1 + np.searchsorted(CUTS["m"], expected.monetary.round(2), side="right")
    assert scored[["r", "f", "m"]].to_numpy().tolist() == np.stack([r, f, m], axis=1).tolist()
    segment = np.select([(r >= 4) & (f >= 4), r <= 2], ["best", "asleep"], "other")
    assert scored.segment.tolist() == segment.tolist()


def test_without_money_m_is_null(spark_session: SparkSession) -> None:
    rows = spark_session.sql(
        "SELECT 1L person_id, date'2026-01-30' day, 'purchase' event,"
        " cast(null as map<string,string>) dims, cast(null as decimal(38,8)) amount"
    )
    cuts = {"r": [7], "f": [2]}
    config = RfmConfig.model_validate({"event": "purchase", "cuts": cuts})
    row = with_rfm_scores(rfm_values(rows, config, as_of=DAY), config).first()
    assert row is not None
    assert (row["r"], row["f"], row["m"], row["monetary"], row["segment"]) == (
        2,
        1,
        None,
        None,
        "other",
    )
