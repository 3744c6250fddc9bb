"""The job on a planted world: seeds are drawn from those who spend much."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from databank.audiences.tables import MEMBER as AUDIENCE_MEMBER
from databank.errors import DataBankError
from databank.lookalike.build import JOB, expand_lookalikes
from databank.lookalike.config import LookalikeConfig, LookalikesConfig
from databank.lookalike.tables import GAIN, MEMBER
from tests.support.memory_store import MemoryStore
from tests.unit.models.world import LAST, context_on, planted_days, publish_world

PERSONS = 1500
FEATURES = {
    "spend": "amount('purchase', 'last 60 days')",
    "purchases": "events('purchase', 'last 60 days')",
    "logins": "events('login', 'last 60 days')",
    "quiet": "days_since('*')",
}


def _config(**changes: Any) -> LookalikesConfig:
    plain = {"lookalike": "like_buyers", "seed": "buyers", "features": FEATURES, "size": 0.1}
    return LookalikesConfig(lookalikes=(LookalikeConfig.model_validate(plain | changes),))


@pytest.fixture(scope="module")
def kind() -> set[int]:
    """The tenth that spends most; half of them are known seeds."""
    rows = planted_days(persons=PERSONS, seed=2)
    spend = rows.groupby("person_id").amount.sum()
    return {int(person) for person in spend.nlargest(PERSONS // 10).index}


@pytest.fixture(scope="module")
def seeds(kind: set[int]) -> set[int]:
    rng = np.random.default_rng(4)
    return {person for person in kind if rng.random() < 0.6}


@pytest.fixture(scope="module")
def store(
    spark_session: SparkSession, seeds: set[int], tmp_path_factory: pytest.TempPathFactory
) -> MemoryStore:
    store = MemoryStore(spark_session, tmp_path_factory.mktemp("bank"))
    publish_world(store, planted_days(persons=PERSONS, seed=2), persons=PERSONS)
    rows = [("buyers", LAST, person) for person in sorted(seeds)]
    rows += [("few", LAST, person) for person in range(1, 20)]
    rows += [("even", LAST, person) for person in range(2, PERSONS, 2)]
    store.publish_frames({AUDIENCE_MEMBER: store.small(AUDIENCE_MEMBER, rows)}, day=LAST)
    return store


@pytest.fixture(scope="module")
def members(store: MemoryStore) -> pd.DataFrame:
    expand_lookalikes(context_on(store, tables=JOB.tables), _config(exclude=["even"]))
    store.publish(JOB.name, LAST)
    return store.read(MEMBER).orderBy("rank").toPandas()


def test_those_of_the_seeds_kind_are_found(
    members: pd.DataFrame, kind: set[int], seeds: set[int]
) -> None:
    unlabelled = {person for person in kind - seeds if person % 2}
    best = members.person_id.head(len(unlabelled))
    assert best.isin(unlabelled).mean() > 0.5


def test_no_seed_and_nobody_excluded_is_among_them(members: pd.DataFrame, seeds: set[int]) -> None:
    assert not set(members.person_id) & seeds
    assert (members.person_id % 2 == 1).all()


def test_ranks_are_consecutive_and_follow_the_score(members: pd.DataFrame) -> None:
    assert members["rank"].tolist() == list(range(1, len(members) + 1))
    assert members.score.is_monotonic_decreasing
    assert members.score.between(0, 1).all()
    assert members.level.iloc[0] == "high"


def test_hidden_seeds_are_found_far_better_than_by_chance(
    members: pd.DataFrame, store: MemoryStore
) -> None:
    curve = store.read(GAIN).orderBy("share").toPandas()
    assert curve.set_index("share").lift[0.05] > 4
    assert curve.recall.is_monotonic_increasing
    assert curve.recall.iloc[-1] == 1


def test_a_second_run_of_a_day_gives_the_same_rows(
    members: pd.DataFrame, store: MemoryStore
) -> None:
    expand_lookalikes(context_on(store, tables=JOB.tables), _config(exclude=["even"]))
    again = store.read(MEMBER).orderBy("rank").toPandas()
    pd.testing.assert_frame_equal(members, again)


def test_a_seed_that_is_too_small_is_refused_with_its_size(store: MemoryStore) -> None:
    with pytest.raises(DataBankError, match=r"'few' has \d+ persons with events, 50 are needed"):
        expand_lookalikes(context_on(store, tables=JOB.tables), _config(seed="few"))


def test_an_unknown_seed_is_refused(store: MemoryStore) -> None:
    with pytest.raises(DataBankError, match="'nobody' has 0 persons"):
        expand_lookalikes(context_on(store, tables=JOB.tables), _config(seed="nobody"))
