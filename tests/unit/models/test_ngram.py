"""A model of names: trained where profiles state the gender, asked of everybody with a name."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from pyspark.sql import SparkSession, functions as F

from databank.errors import DataBankError
from databank.identity.tables import PERSON
from databank.models.config import ModelsConfig
from databank.models.families.ngram import labelled_frame, text_frame
from databank.models.families.ngram_spec import NgramSpec
from databank.models.score import JOB as SCORE_JOB, score_models
from databank.models.tables import SCORE, TRAINING
from databank.models.train import JOB, open_registry, train_models
from databank.sources.tables import PROFILES
from databank.tags.build import JOB as TAGS_JOB
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import PERSON_TAG
from tests.support.memory_store import MemoryStore, run_step
from tests.unit.models.world import LAST, context_on

PERSONS = 1500
CONFIG: dict[str, Any] = {
    "model": "gender",
    "algorithm": "ngram_regression",
    "text": "name",
    "label": {"attribute": "gender", "values": {"F": "female", "M": "male"}, "of": "female"},
    "gate": {"auc": 0.8},
    "parameters": {"regularisation": 0.01},  # the stems are noise
}


def config(**changes: Any) -> NgramSpec:
    return NgramSpec.model_validate(CONFIG | changes)


def people() -> pd.DataFrame:
    """Names of women end in a or e, of men in o or e; two of three profiles state the gender."""
    rng = np.random.default_rng(3)
    female = rng.random(PERSONS) < 0.5
    stems = ["".join(rng.choice(list("bdfgklmnrst"), 3)) for _ in range(PERSONS)]
    ends = np.where(rng.random(PERSONS) < 0.2, "e", np.where(female, "a", "o"))
    return pd.DataFrame(
        {
            "id_key": np.arange(1, PERSONS + 1),
            "name": [stem.title() + end for stem, end in zip(stems, ends, strict=True)],
            "gender": np.where(
                np.arange(PERSONS) % 3 > 0, np.where(female, "F", "M"), ""
            ),
            "female": female,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> MemoryStore:
    store = MemoryStore(spark_session, tmp_path_factory.mktemp("bank"))
    rows = spark_session.createDataFrame(people().drop(columns="female"))
    profiles = rows.select(
        F.lit("crm").alias("source"),
        F.col("id_key").cast("string").alias("record_id"),
        "id_key",
        F.array("id_key").alias("ids"),
        F.create_map(F.lit("name"), "name", F.lit("gender"), "gender").alias("attributes"),
        F.lit("2026-03-01 08:00:00").cast("timestamp").alias("updated_ts"),
    )
    # a later word of another source, one from the future, and one who has no name
    shape = "source string, record_id string, id_key bigint, attributes map<string,string>, at date"
    later = spark_session.createDataFrame(
        [
            ("app", "x", 1, {"name": "Zuza"}, date(2026, 3, 2)),
            ("app", "y", 1, {"name": "Zuzo"}, date(2026, 4, 1)),
            ("app", "z", PERSONS + 1, {"name": " ", "gender": "F"}, date(2026, 3, 1)),
        ],
        shape,
    ).select("*", F.array("id_key").alias("ids"), F.col("at").cast("timestamp").alias("updated_ts"))
    ids = spark_session.range(1, PERSONS + 2).select(
        F.col("id").alias("id_key"), F.col("id").alias("person_id")
    )
    every = profiles.unionByName(later.drop("at"))
    store.publish_frames({PERSON: ids, PROFILES: every}, day=LAST)
    return store


@pytest.fixture(scope="module")
def trained(store: MemoryStore) -> MemoryStore:
    for job in (JOB, SCORE_JOB):
        run_step(store, job, ModelsConfig(models=(config(),)), day=LAST)
    return store


def test_the_newest_text_counts_and_a_blank_one_is_none(store: MemoryStore) -> None:
    frame = text_frame(context_on(store, tables=()), config(), as_of=LAST)
    rows = {row["person_id"]: row for row in frame.collect()}
    assert set(rows) == set(range(1, PERSONS + 1))
    assert rows[1]["text"] == "Zuza"
    labelled = labelled_frame(frame, config()).toPandas()
    wanted = people().set_index("id_key").query("gender != ''").gender.eq("F").astype(float)
    assert labelled.set_index("person_id").label.sort_index().tolist() == wanted.tolist()
    assert set(labelled.part) == {"train", "calibrate", "holdout"}
    frame.unpersist()


def test_likely_outcomes_are_right_and_the_rest_is_unknown(trained: MemoryStore) -> None:
    row = trained.read(TRAINING).collect()[0]
    assert (row["outcome"], row["algorithm"]) == ("champion", "ngram_regression")
    assert row["auc"] > 0.85
    scores = trained.read(SCORE).toPandas()
    assert len(scores) == PERSONS
    tag = {"name": "sex", "kind": "probability", "model": "gender@champion", "at_least": 0.8}
    tags = TagsConfig(
        (
            read_tag(tag | {"outcomes": ("female", "male")}),
            read_tag(
                {"name": "hers", "kind": "rule", "when": "sex = 'female'"}
            ),
        )
    )  # fmt: skip
    run_step(trained, TAGS_JOB, tags, day=LAST)
    tag_rows = trained.read(PERSON_TAG).where("tag = 'sex'").toPandas().set_index("person_id")
    truth = people().set_index("id_key")
    last = truth.name.str[-1].where(truth.index != 1, "a")
    values = tag_rows.value_string.sort_index()
    # of those who were learnt from the noise is known, too
    assert (values[(last == "e") & (truth.gender == "")] == "unknown").mean() > 0.7
    assert (values[last == "a"] == "female").mean() > 0.95
    assert (values[last == "o"] == "male").mean() > 0.95
    assert (tag_rows.value_double >= np.where(tag_rows.value_string == "unknown", 0.5, 0.8)).all()
    hers = trained.read(PERSON_TAG).where("tag = 'hers'").count()
    assert hers == (values == "female").sum()


@pytest.mark.nightly
def test_a_model_of_another_text_is_compared_on_the_same_persons(trained: MemoryStore) -> None:
    context = context_on(trained, tables=JOB.tables)
    again = config(seed=8, gate={"auc": 0.5, "tolerance": 0.5})
    train_models(context, ModelsConfig(models=(again,)))
    row = trained.read(TRAINING).where("version = 2").collect()[0]
    assert row["champion_auc"] > 0.85
    champion = open_registry(context).champion("gender")
    assert champion is not None
    assert champion.version == 2


def test_scores_do_not_mean_another_thing_than_the_file_says(trained: MemoryStore) -> None:
    turned = config(label=CONFIG["label"] | {"of": "male"})
    with pytest.raises(DataBankError, match="its champion tells female from male, its file male"):
        score_models(context_on(trained, tables=SCORE_JOB.tables), ModelsConfig(models=(turned,)))


def test_nobody_states_it(store: MemoryStore) -> None:
    silent = config(model="silent", label=CONFIG["label"] | {"attribute": "sex"})
    with pytest.raises(DataBankError, match="model silent, as of 2026-03-31: 0 persons in part"):
        train_models(context_on(store, tables=JOB.tables), ModelsConfig(models=(silent,)))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"values": {"F": "female"}}, "1 meanings; write two"),
        ({"values": {"F": "female", "M": "male", "X": "other"}}, "3 meanings; write two"),
        ({"of": "femal"}, "did you mean 'female'"),
    ],
)
def test_a_label_has_two_meanings(label: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(label=CONFIG["label"] | label)
