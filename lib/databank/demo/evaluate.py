"""How close each stage came to the truth of the generated world; nothing here feeds a job."""

from pyspark.sql import SparkSession, functions as F

from databank.demo.identity_scores import household_scores, identity_scores, reassignment_scores
from databank.demo.scores import Score, Truth, person_map
from databank.demo.value_scores import (
    flow_scores,
    gender_scores,
    lookalike_scores,
    model_scores,
    top_share,
)
from databank.tables import Store


def evaluate(spark: SparkSession, store: Store, root: str) -> list[Score]:
    """Compare the published tables with `<root>/truth`."""
    truth = Truth(spark, root)
    people = person_map(store, truth).localCheckpoint()
    scores = identity_scores(store, truth) + reassignment_scores(store, truth, people)
    if store.is_published("identity.entity"):
        scores += household_scores(store, truth, people)
    for model, label, ideal in (
        ("high_value", top_share("amount", 0.2), "p_high_value"),
        ("churn", (F.col("events") == 0).cast("double"), "p_churn"),
    ):
        if store.is_published("models.score"):
            scores += model_scores(store, truth, people, model, label, ideal)
    if store.is_published("tags.person_tag"):
        scores += gender_scores(store, truth, people)
    if store.is_published("lookalike.gain"):
        scores += lookalike_scores(store, truth, people)
    if store.is_published("lifecycle.flow"):
        scores += flow_scores(store)
    return scores
