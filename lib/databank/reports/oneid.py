"""Collect how identifiers became persons, and how well those hang together; small results only."""

from typing import Any

from pyspark.sql import DataFrame, functions as F

from databank.identity.graph_metrics import describe_clusters
from databank.identity.ownership.periods import holds_on
from databank.reports.facts import Cluster, ClusterSize, IdType, SetAside
from databank.reports.oneid_graph import choose_person, collect_graph
from databank.reports.reader import Reader
from databank.session import checkpoint

MOST_IDENTIFIERS = 12  # persons with more are counted together
LARGEST = 10
# persons are told apart by size: a class begins with each of these
SIZES = (2, 3, 4, 6, 11, 21, 51, 201)


def collect_identity(reader: Reader) -> dict[str, Any]:
    """Identifiers per person and type, changes of the newest run day, what was set aside."""
    facts: dict[str, Any] = {}
    persons, types = reader.table("identity.person"), reader.table("identity.identifier")
    if types is not None:
        types = types.where("entity IS NULL")
    if persons is not None:
        persons = _today(persons, reader)
        facts["per_person"] = _per_person(persons)
        facts["totals"] = {"persons": sum(n for _, n in facts["per_person"])}
    if persons is not None and types is not None:
        facts["id_types"] = _id_types(types, persons)
    if types is not None:
        of_types = facts.get("id_types") or _id_types(types, None)
        facts.setdefault("totals", {})["identifiers"] = sum(t.identifiers for t in of_types)
        aside = reader.table("identity.rejected")
        if aside is not None:
            facts |= _set_aside(aside, types)
    changes, day = reader.newest("identity.changes")
    if changes is not None:
        found = changes.groupBy("kind").count().collect()
        facts["changes"] = {row["kind"]: row["count"] for row in found}
        facts["changes_day"] = day
    return facts


def collect_clusters(reader: Reader) -> dict[str, Any]:
    """Persons with two identifiers or more by size, the largest of them, and one as a graph."""
    persons, edges = reader.table("identity.person"), reader.table("identity.edges")
    rejected, types = reader.table("identity.rejected"), reader.table("identity.identifier")
    if persons is None or edges is None or rejected is None or types is None:
        return {}
    persons = _today(persons, reader)
    clusters = checkpoint(describe_clusters(persons, edges, rejected))
    begin = F.greatest(*(F.when(F.col("identifiers") >= n, F.lit(n)) for n in SIZES))
    # a row a class
    sizes = (
        clusters.groupBy(begin.alias("begin"))
        .agg(
            F.count("*").alias("persons"),
            F.avg("density").alias("density"),
            F.avg("bridges").alias("bridges"),
            F.count_if(F.col("joints") > 0).alias("jointed"),
            F.sum("conflicts").alias("conflicts"),
        )
        .orderBy("begin")
        .collect()
    )
    largest = clusters.orderBy(F.desc("identifiers"), "person_id").limit(LARGEST)
    odd = choose_person(clusters)
    named = largest.select("person_id")
    if odd is not None:
        named = named.union(
            clusters.where(F.col("person_id") == odd["person_id"]).select("person_id")
        )
    held = persons.join(F.broadcast(named.distinct()), "person_id")
    held = checkpoint(held.join(types.select("id_key", "id_type"), "id_key"))
    counts = held.groupBy("person_id", "id_type").count()
    one = F.struct(-F.col("count"), F.col("id_type").alias("id_type"))
    kinds = counts.groupBy("person_id").agg(F.sort_array(F.collect_list(one)).alias("kinds"))
    rows = largest.join(kinds, "person_id").orderBy(F.desc("identifiers"), "person_id").collect()
    names = Cluster.__dataclass_fields__
    graph = None
    if odd is not None:
        whose = held.where(F.col("person_id") == odd["person_id"])
        graph = collect_graph(odd, whose, edges, rejected, types, reader.timezone)
    return {
        "odd_person": graph,
        "cluster_sizes": tuple(ClusterSize(*row) for row in sizes),
        "largest": tuple(
            Cluster(**{n: row[n] for n in names if n != "kinds"}, kinds=_kinds(row["kinds"]))
            for row in rows
        ),
    }


def _today(persons: DataFrame, reader: Reader) -> DataFrame:
    """id_key, person_id: who holds what on the run day."""
    return persons.where(holds_on(F.lit(reader.day))).select("id_key", "person_id")


def _kinds(found: list[Any]) -> tuple[tuple[str, int], ...]:
    return tuple((kind, -count) for count, kind in found)


def _per_person(persons: DataFrame) -> tuple[tuple[int, int], ...]:
    counts = persons.groupBy("person_id").count()
    shown = F.least("count", F.lit(MOST_IDENTIFIERS)).cast("int").alias("n")
    found = counts.groupBy(shown).agg(F.count("*").alias("persons")).orderBy("n").collect()
    return tuple((row["n"], row["persons"]) for row in found)


def _id_types(types: DataFrame, persons: DataFrame | None) -> tuple[IdType, ...]:
    joined = types.select("id_key", "id_type")
    if persons is None:
        joined = joined.withColumn("person_id", F.lit(None).cast("bigint"))
    else:
        joined = joined.join(persons, "id_key", "left")
    known = F.col("person_id").isNotNull()
    each = joined.groupBy("id_type", "person_id").agg(F.count("*").alias("n"))
    found = each.groupBy("id_type").agg(
        F.sum("n").alias("identifiers"),
        F.coalesce(F.sum(F.when(known, F.col("n"))), F.lit(0)).alias("resolved"),
        F.count("person_id").alias("persons"),
        F.coalesce(F.max(F.when(known, F.col("n"))), F.lit(0)).alias("most"),
    )
    rows = found.orderBy(F.desc("identifiers"), "id_type").limit(60).collect()
    return tuple(IdType(*row) for row in rows)


def _set_aside(rejected: DataFrame, types: DataFrame) -> dict[str, Any]:
    """Counts only. Figures in a reason differ from value to value and go; so would a value."""
    reason = F.split("reason", "; ")[0]
    reason = F.regexp_replace(reason, "with [0-9]+ different", "with too many different")
    reason = F.regexp_replace(reason, "a person [0-9]+ ", "a person too many ")
    reason = F.regexp_replace(reason, r"\S*@\S*|\S*[0-9]{5,}\S*", "…")
    named = F.contains(F.lower("reason"), F.lower("id_value"))
    reason = F.when(
        ~F.coalesce(named, F.lit(False)), reason
    )  # one that tells the value is not told
    typed = types.select(F.col("id_key").alias("a_key"), "id_type", "id_value")
    # what is no identifier has no row there, and tells its type in the reason
    unreadable = F.when(F.col("rule") == "format", F.split("reason", ":")[0])
    found = (
        rejected.join(typed, "a_key", "left")
        .groupBy(
            F.col("b_key").isNull().alias("alone"),
            "rule",
            reason.alias("reason"),
            F.coalesce("id_type", unreadable, F.lit("unknown")).alias("id_type"),
        )
        .count()
        .orderBy(F.desc("count"), "rule", "reason", "id_type")
        .limit(100)
        .collect()
    )
    both: dict[bool, list[SetAside]] = {True: [], False: []}
    for row in found:
        one = SetAside(row["rule"], row["reason"] or "", row["id_type"], row["count"])
        both[row["alone"]].append(one)
    return {"set_aside": tuple(both[True]), "refused_pairs": tuple(both[False])}
