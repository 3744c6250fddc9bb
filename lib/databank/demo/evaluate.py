"""How close each stage came to the truth of the generated world; nothing here feeds a job."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.demo.agreement import Agreement, measure_agreement
from databank.demo.config import FUTURE_DAYS
from databank.identity import connected_components
from databank.identity.ownership.periods import holds_on
from databank.models.metrics import measure
from databank.tables import Store

SHARES = (0.01, 0.05)


@dataclass(frozen=True)
class Score:
    """One measured figure beside what it is compared with.

    Attributes:
        stage: What was measured.
        figure: Name of the figure.
        value: What databank reached.
        beside: What it is compared with, and its value; None where there is nothing.
    """

    stage: str
    figure: str
    value: float
    beside: tuple[str, float] | None = None


def evaluate(spark: SparkSession, store: Store, root: str) -> list[Score]:
    """Compare the published tables with `<root>/truth`."""
    truth = Truth(spark, root)
    people = person_map(store, truth).localCheckpoint()
    scores = identity_scores(store, truth) + reassignment_scores(store, truth, people)
    if store.is_published("identity.entity"):
        scores += household_scores(store, truth, people)
    for model, label, ideal in (
        ("high_value", _top_share("amount", 0.2), "p_high_value"),
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


class Truth:
    """The generator's truth tables."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.identifier, self.person, self.future = (
            spark.read.parquet(f"{root}/truth/{name}.parquet")
            for name in ("identifier", "person", "future")
        )

    def own(self) -> DataFrame:
        """Identifiers that were one person's all the time: id_type, scope, id_value, true."""
        key = ["id_type", "scope", "id_value"]
        owners = self.identifier.groupBy(*key).agg(
            F.count_distinct("person").alias("owners"), F.first("person").alias("true")
        )
        return owners.where("owners = 1").select(*key, "true")


def identity_scores(store: Store, truth: Truth) -> list[Score]:
    """Pairwise precision, recall and F1 of OneID, beside components without any guard.

    Pairs are those of identifiers that belong to one person alone; whom a shared device or a
    recycled phone should be given to is not asked, but what they wrongly join is counted. An
    excluded identifier is alone. A cookie that never met another identifier cannot be found by
    anybody: the second recall is that of the pairs which a person's own records connect.
    """
    known = store.require("identity.identifier").join(truth.own(), ["id_type", "scope", "id_value"])
    known = known.join(_connected(store, truth), "id_key").select("id_key", "true", "linked")
    known = known.localCheckpoint()
    persons = _today(store).select("id_key", F.col("person_id").alias("predicted"))
    ours = _figures(known.join(persons, "id_key", "left"))
    edges = store.require("identity.edges").select("a_key", "b_key").distinct()
    loops = known.select(F.col("id_key").alias("a_key"), F.col("id_key").alias("b_key"))
    naive = connected_components(edges.unionByName(loops), src="a_key", dst="b_key")
    naive = naive.select(F.col("id").alias("id_key"), F.col("component").alias("predicted"))
    plain = _figures(known.join(naive, "id_key", "left"))
    return [Score("OneID", name, ours[name], ("naive components", plain[name])) for name in ours]


def reassignment_scores(store: Store, truth: Truth, people: DataFrame) -> list[Score]:
    """Phones that passed to another person, asked for in the middle of each holding.

    Of a holder who was never seen with the phone and another identifier nobody can know.
    """
    key = ["id_type", "scope", "id_value"]
    keys = store.require("identity.identifier").select(*key, "id_key")
    owned = truth.identifier.join(keys, key).select("id_key", "person")
    phones = truth.identifier.where("sharing = 'recycled'").join(keys, key)
    edges = store.require("identity.edges").select("a_key", "b_key")
    pairs = edges.unionByName(
        edges.select(F.col("b_key").alias("a_key"), F.col("a_key").alias("b_key"))
    )
    near = pairs.join(owned.withColumnRenamed("id_key", "b_key"), "b_key")
    passed = phones.join(
        near.withColumnRenamed("a_key", "id_key"), ["id_key", "person"], "left_semi"
    )
    last = passed.agg(F.max(F.coalesce("valid_to", "valid_from")).alias("last"))
    length = F.datediff(F.coalesce("valid_to", "last"), "valid_from")
    middle = F.date_add("valid_from", (length / 2).cast("int")).alias("day")
    questions = passed.crossJoin(F.broadcast(last)).select("id_key", "person", middle)
    questions = questions.join(people.withColumnRenamed("true", "person"), "person")
    answers = store.require("identity.person").withColumnRenamed("person_id", "told")
    days = questions.select("id_key", "day").distinct()
    held = answers.join(days, "id_key").where(holds_on(F.col("day")))
    counts = questions.join(held.select("id_key", "day", "told"), ["id_key", "day"], "left").agg(
        F.count("*").alias("n"),
        F.count_if(F.col("told") == F.col("person_id")).alias("right"),
        F.count_if(F.col("told") != F.col("person_id")).alias("wrong"),
    )
    row = counts.first()
    if row is None or not row["n"]:
        return []
    return [
        Score("handovers", "recycled phones with their holder of the day", row["right"] / row["n"]),
        Score("handovers", "recycled phones with somebody else", row["wrong"] / row["n"]),
    ]


def household_scores(store: Store, truth: Truth, people: DataFrame) -> list[Score]:
    """Pairs of persons of one household, beside taking all at one address for one.

    Who is in a hall of residence is in nobody's household. An address that the customer file does
    not know cannot be found by anybody: the second recall is of the persons whose it knows.
    """
    homes = truth.person.select(F.col("person").alias("true"), "household")
    home = F.coalesce("household", -F.col("true")).alias("home")
    persons = people.join(homes, "true").select("person_id", home)
    within = store.require("identity.entity").where("entity = 'household'")
    within = within.select("person_id", F.col("entity_id").alias("predicted"))
    named = store.require("core.profiles").where("entity_ids IS NOT NULL")
    named = named.select("id_key", F.col("entity_ids")[0].alias("address")).join(
        _today(store), "id_key"
    )
    address = named.groupBy("person_id").agg(F.max("address").alias("address"))
    judged = persons.join(within, "person_id", "left").join(address, "person_id", "left")
    judged = judged.localCheckpoint()

    def agreement(rows: DataFrame, group: str) -> Agreement:
        pair = (F.col(group).alias("predicted"), F.col("home").alias("true"))
        return measure_agreement(rows.select(*pair))

    ours, plain = agreement(judged, "predicted"), agreement(judged, "address")
    addressed = agreement(judged.where("address IS NOT NULL"), "predicted")
    beside = "all at one address"
    return [
        Score("households", "precision", ours.precision, (beside, plain.precision)),
        Score("households", "recall", ours.recall, (beside, plain.recall)),
        Score("households", "recall where addresses are known", addressed.recall),
    ]


def _connected(store: Store, truth: Truth) -> DataFrame:
    """id_key, linked: the same number for what one person's records connect.

    An identifier of several persons is cut into one for each, so that it connects what each of
    them has, and nobody with another.
    """
    key = ["id_type", "scope", "id_value"]
    held = store.require("identity.identifier").join(truth.identifier, key)
    held = held.select("id_key", "person").distinct()
    own = F.xxhash64("id_key", "person")
    edges = store.require("identity.edges").select("a_key", "b_key").distinct()
    a = held.select(F.col("id_key").alias("a_key"), "person", own.alias("a"))
    b = held.select(F.col("id_key").alias("b_key"), "person", own.alias("b"))
    links = edges.join(a, "a_key").join(b, ["b_key", "person"]).select("a", "b")
    loops = held.select(own.alias("a"), own.alias("b"))
    components = connected_components(links.unionByName(loops), src="a", dst="b")
    linked = held.join(components, own == F.col("id"))
    return linked.groupBy("id_key").agg(F.min("component").alias("linked"))


def person_map(store: Store, truth: Truth) -> DataFrame:
    """One row per true person: true, and the person_id that holds most of its identifiers.

    A person's other parts (a cookie that never logged in, say) are not judged: what becomes of
    them says nothing about the score of the person.
    """
    known = store.require("identity.identifier").join(truth.own(), ["id_type", "scope", "id_value"])
    held = known.join(_today(store), "id_key")
    counts = held.groupBy("person_id", "true").count()
    most = F.max_by("true", F.struct("count", -F.col("true"))).alias("true")
    owner = counts.groupBy("person_id").agg(most, F.sum("count").alias("size"))
    main = F.max_by("person_id", F.struct("size", -F.col("person_id"))).alias("person_id")
    return owner.groupBy("true").agg(main)


def model_scores(
    store: Store, truth: Truth, people: DataFrame, model: str, label: Any, ideal: str
) -> list[Score]:
    """AUC on the coming month, beside the AUC of the true propensity: the ceiling."""
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
    """Of those whose gender no record states: who is told one by the name, and rightly."""
    tags = store.require("tags.person_tag")
    stated = tags.where("tag = 'stated_gender'").select("person_id")
    named = tags.where("tag = 'gender'").join(stated, "person_id", "left_anti")
    genders = people.join(truth.person.select(F.col("person").alias("true"), "gender"), "true")
    labelled = F.col("value_string") != "unknown"
    right = F.col("value_string").substr(1, 1) == F.col("gender")
    row = (
        named.join(genders, "person_id")
        .agg(
            F.count("*").alias("n"),
            F.count_if(labelled).alias("told"),
            F.count_if(labelled & right).alias("right"),
            F.avg((F.col("gender") == "f").cast("double")).alias("female"),
        )
        .first()
    )
    if row is None or not row["told"]:
        return []
    common = max(row["female"], 1 - row["female"])
    return [
        Score("gender", "told by the name", row["told"] / row["n"]),
        Score("gender", "of these, right", row["right"] / row["told"], ("the commoner", common)),
    ]


def lookalike_scores(store: Store, truth: Truth, people: DataFrame) -> list[Score]:
    """Lift on hidden seeds, beside a ranking by what makes a seed: the ceiling."""
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
    """Persons by whom the flow matrix and the stages of its last day differ; 0 is exact."""
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
    """Lift of an oracle on a fifth of the seeds that it is not shown.

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


def _today(store: Store) -> DataFrame:
    """identity.person without holdings that have ended: a row an identifier."""
    return store.require("identity.person").where("valid_to IS NULL")


def _figures(rows: DataFrame) -> dict[str, float]:
    """Measure agreement over predicted, true, linked: one row per identifier."""
    whole = measure_agreement(rows)
    connected = measure_agreement(
        rows.select("predicted", F.struct("true", "linked").alias("true"))
    )
    return {
        "precision": whole.precision,
        "recall": whole.recall,
        "F1": whole.f1,
        "recall of connected pairs": connected.recall,
    }


def _top_share(column: str, share: float) -> Any:
    """1 for the persons who spend most, as the label of the model has it."""
    cut = F.expr(f"percentile({column}, {1 - share}) OVER ()")
    return ((F.col(column) >= cut) & (F.col(column) > 0)).cast("double")
