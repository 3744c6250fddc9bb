"""Preferences against scipy, test by test."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from scipy.stats import binomtest, false_discovery_control

from databank.archive.config import ArchiveConfig
from databank.tags.build import JOB
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import PERSON_TAG
from tests.support.bank import Bank, make_bank

ARCHIVE = ArchiveConfig.model_validate({"dimensions": {"read": {"category": "props['category']"}}})
USUAL = {"sport": 0.4, "food": 0.3, "tech": 0.2, "it's": 0.1}
TASTE = {"sport": 0.1, "food": 0.1, "tech": 0.1, "it's": 0.7}
READ = {"kind": "preference", "event": "read", "by": "category"}


def tags(*given: dict[str, object]) -> TagsConfig:
    return TagsConfig(tuple(read_tag(READ | each) for each in given), ARCHIVE)


def drawn() -> pd.DataFrame:
    """Reads by person and category; every fourth person has a taste of its own."""
    rng, rows = np.random.default_rng(8), []
    for person in range(1, 121):
        chance = TASTE if person % 4 == 0 else USUAL
        counts = rng.multinomial(rng.integers(1, 40), list(chance.values()))
        rows += [(person, name, n) for name, n in zip(USUAL, counts, strict=True) if n]
    return pd.DataFrame(rows, columns=["person", "value", "n"])


def lines(rows: Iterable[tuple[int, str, int]], day: str = "2026-01-05") -> str:
    return "\n".join(f"{who} | {day} | read | {n} | | | category={v}" for who, v, n in rows)


def expected(reads: pd.DataFrame, *, least: int, lift: float) -> dict[tuple[str, int], float]:
    """The lift of what is found, by value and person: one binomial test at a time."""
    share = reads.groupby("value").n.sum() / reads.n.sum()
    every = reads.groupby("person").n.sum()
    had = reads.set_index(["person", "value"]).n
    tests = {
        (value, person): binomtest(
            int(had.get((person, value), 0)), int(n), share[value], "greater"
        ).pvalue
        for person, n in every[every >= least].items()
        for value in share.index
    }
    adjusted = dict(zip(tests, false_discovery_control(list(tests.values())), strict=True))
    lifts = {(v, p): had[p, v] / every[p] / share[v] for (v, p), q in adjusted.items() if q <= 0.05}
    return {key: value for key, value in lifts.items() if value >= lift}


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    # of another window, another event, and of no category
    more = [*drawn().itertuples(index=False, name=None)]
    earlier = lines([(1, "it's", 90)], day="2025-01-05") + "\n 2 | 2026-01-05 | read | 50 |"
    days = "\n".join([lines(more), earlier, "3 | 2026-01-05 | buy | 50 | | | category=it's"])
    return make_bank(spark_session, tmp_path_factory.mktemp("bank"), persons=121, days=days)


def preferences(bank: Bank, *names: str) -> dict[tuple[str, int], float]:
    rows = bank.rows(PERSON_TAG, "tag", "person_id", "value_double", where="value_string = 'true'")
    return {(tag, person): lift for tag, person, lift in rows if tag in names}


def test_it_finds_what_scipy_finds(bank: Bank) -> None:
    window = {"window": "last 90 days"}
    library = tags(
        {"name": "it", "value": "it's", **window},
        {"name": "tech", "value": "tech", **window},
        {"name": "often", "value": "it's", "minimum": 20, "lift": 3.5, **window},
        {"name": "unheard_of", "value": "opera", **window},
    )
    bank.run(JOB, library)
    reads = drawn()
    usual = expected(reads, least=5, lift=1.25)
    wanted = {("it", p): lift for (v, p), lift in usual.items() if v == "it's"}
    wanted |= {("tech", p): lift for (v, p), lift in usual.items() if v == "tech"}
    strict = expected(reads, least=20, lift=3.5)
    wanted |= {("often", p): lift for (v, p), lift in strict.items() if v == "it's"}
    assert len({person for tag, person in wanted if tag == "it"}) > 15
    assert preferences(bank, "it", "tech", "often", "unheard_of") == pytest.approx(wanted)


def test_it_depends_on_no_other_tag(bank: Bank) -> None:
    entry = {"name": "it", "value": "it's"}
    bank.run(JOB, tags(entry, {"name": "sport", "value": "sport"}))
    both = preferences(bank, "it")
    bank.run(JOB, tags(entry))
    assert preferences(bank, "it") == both != {}


def test_hardly_anything_is_found_where_nobody_prefers_anything(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    rng, rows = np.random.default_rng(1), []
    for person in range(1, 401):
        counts = rng.multinomial(30, list(USUAL.values()))
        rows += [(person, name, n) for name, n in zip(USUAL, counts, strict=True) if n]
    bank = make_bank(spark_session, tmp_path, persons=400, days=lines(rows))
    bank.run(JOB, tags(*({"name": f"t{n}", "value": value} for n, value in enumerate(USUAL))))
    # without regard for their number 5 % of 1,600 tests, some 80, would be said to be preferences
    assert len(bank.rows(PERSON_TAG, "tag")) <= 2


def test_nobody_prefers_anything_in_an_empty_bank(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    bank = make_bank(spark_session, tmp_path, persons=2, days=f"1 | {date(2026, 1, 1)} | buy | 1 |")
    bank.run(JOB, tags({"name": "it", "value": "it's"}))
    assert bank.rows(PERSON_TAG, "tag") == []
