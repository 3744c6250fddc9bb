"""How close persons, owners of phones and households came to the truth."""

from pyspark.sql import DataFrame, functions as F

from databank.demo.agreement import Agreement, measure_agreement
from databank.demo.scores import Score, Truth, persons_today
from databank.identity import connected_components
from databank.identity.ownership.periods import holds_on
from databank.tables import Store


def identity_scores(store: Store, truth: Truth) -> list[Score]:
    """Measure pairwise precision, recall and F1 of OneID, beside components without any guard.

    Pairs are those of identifiers that belong to one person alone; whom a shared device or a
    recycled phone should be given to is not asked, but what they wrongly join is counted. An
    excluded identifier is alone. A cookie that never met another identifier cannot be found: the
    second recall is that of the pairs which a person's own records connect.
    """
    known = store.require("identity.identifier").join(truth.own(), ["id_type", "scope", "id_value"])
    known = known.join(_connected(store, truth), "id_key").select("id_key", "true", "linked")
    known = known.localCheckpoint()
    persons = persons_today(store).select("id_key", F.col("person_id").alias("predicted"))
    ours = _figures(known.join(persons, "id_key", "left"))
    edges = store.require("identity.edges").select("a_key", "b_key").distinct()
    loops = known.select(F.col("id_key").alias("a_key"), F.col("id_key").alias("b_key"))
    naive = connected_components(edges.unionByName(loops), src="a_key", dst="b_key")
    naive = naive.select(F.col("id").alias("id_key"), F.col("component").alias("predicted"))
    plain = _figures(known.join(naive, "id_key", "left"))
    return [Score("OneID", name, ours[name], ("naive components", plain[name])) for name in ours]


def reassignment_scores(store: Store, truth: Truth, people: DataFrame) -> list[Score]:
    """Measure whether reassigned phones are found with their owner of the day.

    Asked is the middle of each true ownership period. Owners who were never seen with the phone
    and another identifier are left out: no record says that they had it.
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
    answers = store.require("identity.person").withColumnRenamed("person_id", "answer")
    days = questions.select("id_key", "day").distinct()
    held = answers.join(days, "id_key").where(holds_on(F.col("day")))
    counts = questions.join(held.select("id_key", "day", "answer"), ["id_key", "day"], "left").agg(
        F.count("*").alias("n"),
        F.count_if(F.col("answer") == F.col("person_id")).alias("right"),
        F.count_if(F.col("answer") != F.col("person_id")).alias("wrong"),
    )
    row = counts.first()
    if row is None or not row["n"]:
        return []
    return [
        Score("reassignment", "recycled phones, right owner", row["right"] / row["n"]),
        Score("reassignment", "recycled phones, wrong owner", row["wrong"] / row["n"]),
    ]


def household_scores(store: Store, truth: Truth, people: DataFrame) -> list[Score]:
    """Measure pairs of persons of one household, beside taking all at one address for one.

    Residents of a hall are in no household. An address that the customer file does not know cannot
    be found: the second recall is of the persons whose address it knows.
    """
    homes = truth.person.select(F.col("person").alias("true"), "household")
    home = F.coalesce("household", -F.col("true")).alias("home")
    persons = people.join(homes, "true").select("person_id", home)
    within = store.require("identity.entity").where("entity = 'household'")
    within = within.select("person_id", F.col("entity_id").alias("predicted"))
    named = store.require("core.profiles").where("entity_ids IS NOT NULL")
    named = named.select("id_key", F.col("entity_ids")[0].alias("address")).join(
        persons_today(store), "id_key"
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
    """Number what one person's records connect: id_key, linked.

    An identifier of several persons is cut into one for each, so that it connects what each of
    them has, and no two of them.
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
