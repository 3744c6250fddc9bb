"""How close models, genders, lookalikes and the flow between stages came to the truth."""

from typing import Any

from pyspark.sql import DataFrame, functions as F

from databank.demo.config import FUTURE_DAYS
from databank.demo.scores import Score, Truth
from databank.models.metrics import measure
from databank.tables import Store

SHARES = (0.01, 0.05)


def model_scores(
    store: Store, truth: Truth, people: DataFrame, model: str, label: Any, ideal: str
) -> list[Score]:
    """Measure AUC on the coming month, beside the AUC of the true propensity: the ceiling."""
    scores = store.require("models.score").where(F.col("model") == model)
    judged = (
        scores.join(people, scores["entity_id"] == people["person_id"])
        .join(truth.future.withColumnRenamed("person", "true"), "true")
        .join(truth.person.select(F.col("person").alias("true"), ideal), "true")
        .where(F.col(ideal).isNotNull())
    )
    labelled = judged.withColumn("label", label).localCheckpoint()
    if labelled.isEmpty():
        return []
    ours = measure(labelled.select("score", "calibrated", "label"))
    best = measure(
        labelled.select(F.col(ideal).alias("score"), F.col(ideal).alias("calibrated"), "label")
    )
    name = f"AUC on the next {FUTURE_DAYS} days"
    return [Score(f"model {model}", name, ours.auc, ("true propensity", best.auc))]


def gender_scores(store: Store, truth: Truth, people: DataFrame) -> list[Score]:
    """Measure genders predicted from names, of persons whose gender no record states."""
    tags = store.require("tags.person_tag")
    stated = tags.where("tag = 'stated_gender'").select("person_id")
    named = tags.where("tag = 'gender'").join(stated, "person_id", "left_anti")
    genders = people.join(truth.person.select(F.col("person").alias("true"), "gender"), "true")
    labelled = F.col("value_string") != "unknown"
    agrees = F.col("value_string").substr(1, 1) == F.col("gender")
    row = (
        named.join(genders, "person_id")
        .agg(
            F.count("*").alias("n"),
            F.count_if(labelled).alias("predicted"),
            F.count_if(labelled & agrees).alias("right"),
            F.avg((F.col("gender") == "f").cast("double")).alias("female"),
        )
        .first()
    )
    if row is None or not row["predicted"]:
        return []
    right, common = row["right"] / row["predicted"], max(row["female"], 1 - row["female"])
    return [
        Score("gender", "predicted from the name", row["predicted"] / row["n"]),
        Score("gender", "of these, right", right, ("the commoner", common)),
    ]


def lookalike_scores(store: Store, truth: Truth, people: DataFrame) -> list[Score]:
    """Measure lift on hidden seeds, beside a ranking by what makes a seed: the ceiling."""
    # a row for each share
    gain = {
        round(row["share"], 4): row["lift"]
        for row in store.require("lookalike.gain")
        .where("name = 'like_instalment_buyers'")
        .collect()
    }
    ceiling = _ceiling(store, truth, people)
    return [
        Score(
            "lookalike",
            f"lift on hidden seeds at {share:.0%}",
            gain[share],
            ("true propensity", ceiling[share]),
        )
        for share in SHARES
        if share in gain
    ]


def flow_scores(store: Store) -> list[Score]:
    """Count persons by whom the flow matrix and the stages of its last day differ; 0 is exact."""
    flow = store.require("lifecycle.flow")
    arrived = flow.where("stage_to NOT IN ('none', 'gone')").groupBy("day_to", "stage_to")
    ends = arrived.agg(F.sum("persons").alias("flowed"))
    staged = store.require("lifecycle.stage").groupBy(
        F.col("day").alias("day_to"), F.col("stage").alias("stage_to")
    )
    both = staged.count().join(ends, ["day_to", "stage_to"], "left")
    apart = F.sum(F.abs(F.col("count") - F.coalesce("flowed", F.lit(0)))).alias("apart")
    row = both.agg(apart).first()
    return [Score("flow matrix", "persons out of balance", float(row["apart"] or 0) if row else 0)]


def _ceiling(store: Store, truth: Truth, people: DataFrame) -> dict[float, float]:
    """Measure the lift of an oracle on a fifth of the seeds that it is not shown.

    It ranks by the latents that make persons bank on instalments: how often they come, times
    their taste for it.
    """
    seeds = store.require("audiences.member").where("audience = 'instalment_buyers'")
    seeds = seeds.select("person_id", F.lit(True).alias("seed")).distinct()
    drive = (F.col("instalment") * F.col("sessions_a_day")).alias("instalment")
    taste = truth.person.select(F.col("person").alias("true"), drive)
    ranked = people.join(taste, "true").join(seeds, "person_id", "left")
    hidden = F.coalesce(F.col("seed"), F.lit(False)) & (
        F.pmod(F.xxhash64("person_id"), F.lit(5)) == 0
    )
    candidates = ranked.withColumn("hidden", hidden).where(F.col("seed").isNull() | hidden)
    cuts = [F.percentile("instalment", F.lit(1 - share)).alias(f"c{i}")
            for i, share in enumerate(SHARES)]  # fmt: skip
    limits = candidates.agg(*cuts, F.count_if("hidden").alias("hidden")).first()
    if limits is None or not limits["hidden"]:
        return dict.fromkeys(SHARES, float("nan"))
    tops = [
        F.count_if(F.col("hidden") & (F.col("instalment") >= limits[f"c{i}"])).alias(f"h{i}")
        for i in range(len(SHARES))
    ]
    hits = candidates.agg(*tops).first()
    return {
        share: (hits[f"h{i}"] if hits else 0) / limits["hidden"] / share
        for i, share in enumerate(SHARES)
    }


def top_share(column: str, share: float) -> Any:
    """Mark the persons who spend most by 1, as the label of the model has it."""
    cut = F.expr(f"percentile({column}, {1 - share}) OVER ()")
    return ((F.col(column) >= cut) & (F.col(column) > 0)).cast("double")
