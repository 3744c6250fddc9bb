"""A small planted world for models: persons of different habit, some of whom stop for good."""

from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.archive.tables import PERSON_DAY
from databank.identity.tables import PERSON
from databank.runs import Context
from databank.tables import Store, TableSpec
from tests.support import memory_store
from tests.support.memory_store import publish_frames

FIRST = date(2026, 1, 1)
LAST = date(2026, 3, 31)
CUT = date(2026, 3, 1)  # the last day minus 30
PERSONS = 900


def planted_days(*, persons: int = PERSONS, seed: int = 1) -> pd.DataFrame:
    """Rows of the archive: person_id, day, event, n, amount.

    A tenth of the persons comes daily, the rest seldom; a third stops on some day and is gone.
    """
    rng = np.random.default_rng(seed)
    days = (LAST - FIRST).days + 1
    rate = rng.gamma(1.2, 0.12, persons) + 0.01
    stops = np.where(rng.random(persons) < 0.35, rng.integers(10, days, persons), days)
    alive = np.arange(days)[None, :] < stops[:, None]
    logins = rng.poisson(rate[:, None] * alive)
    buys = rng.binomial(logins, 0.3)
    level = rng.lognormal(4, 0.8, persons)
    parts = []
    for event, counts in (("login", logins), ("purchase", buys)):
        who, day = np.nonzero(counts)
        n = counts[who, day]
        amount = np.round(n * level[who], 2) if event == "purchase" else np.full(len(n), np.nan)
        cells = {"person_id": who + 1, "at": day, "event": event, "n": n, "amount": amount}
        parts.append(pd.DataFrame(cells))
    return pd.concat(parts, ignore_index=True)


def archive_frame(spark: SparkSession, rows: pd.DataFrame) -> DataFrame:
    """The rows as archive.person_day; without the columns that no test looks at."""
    amount = F.nanvl("amount", F.lit(None)).cast("decimal(38,8)")
    given = spark.createDataFrame(rows).withColumns(
        {
            "day": F.date_add(F.lit(FIRST), F.col("at").cast("int")),
            "terminal": F.lit("app"),
            "dims_json": F.lit(""),
            "amount": amount,
        }
    )
    return given


def publish_world(store: Store, rows: pd.DataFrame, *, persons: int = PERSONS) -> None:
    """Publish identity.person and archive.person_day."""
    spark = store.spark
    ids = spark.range(1, persons + 1).select(
        F.col("id").alias("id_key"), F.col("id").alias("person_id")
    )
    publish_frames(store, {PERSON: ids, PERSON_DAY: archive_frame(spark, rows)}, day=LAST)


def context_on(store: Store, *, day: date = LAST, tables: tuple[TableSpec, ...]) -> Context:
    """A run on a day that owns some tables, by default on the last day of the world."""
    return memory_store.context_on(store, day=day, tables=tables)
