"""The persons that affected identifiers may change: whole, and with all that hangs on them.

What an identifier may link is decided by its own evidence. Who is one person is decided by all
links of a person, and these leave it only where they were rejected for the person's sake: at a link
that was cut, at an identifier that was reassigned, at a hub that would be released where its
neighbours are one person. Persons that touch there are solved together; then nothing that may link
leads out of the region, and solving it alone gives what solving all gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, functions as F

from databank.identity.components.solve import connected_components
from databank.identity.config import ANY, Limit
from databank.identity.evidence.edges import pairs_with
from databank.identity.rules import PERSON_RULE
from databank.session import checkpoint, checkpoint_counted, checkpoint_keys

_FEW = 50  # neighbours, of an identifier that may be released


@dataclass(frozen=True)
class PreviousState:
    """The persons and exclusions that the last run left.

    Attributes:
        persons: identity.person.
        rejected: identity.rejected, without texts that are no identifiers.
        excluded: id_key of identifiers that belong to no person.
        released_hubs: id_key of hubs that were released.
        hubs: id_key of hubs that were not.
        around_hubs: key, other, counts: hubs that were not released, and the identifiers of persons
            that were seen with them; released hubs do not count when a hub is examined.
        reassigned: id_key, person_id of identifiers that have several periods.
        around_excluded: id_key of what was seen with affected identifiers that are excluded and
            have few neighbours: should they be released, it is to these.
    """

    persons: DataFrame
    rejected: DataFrame
    excluded: DataFrame
    released_hubs: DataFrame
    hubs: DataFrame
    around_hubs: DataFrame
    reassigned: DataFrame
    around_excluded: DataFrame


def previous_state(
    persons: DataFrame,
    rejected: DataFrame,
    hubs: DataFrame,
    edges: DataFrame,
    affected: DataFrame,
) -> PreviousState:
    """Read what the last run left, and what was seen with its hubs since.

    Args:
        persons: identity.person.
        rejected: identity.rejected, without texts that are no identifiers.
        hubs: identity.hub.
        edges: identity.edges of today.
        affected: id_key of what has changed since.
    """
    dated = persons.where("valid_from IS NOT NULL OR valid_to IS NOT NULL")
    reassigned = checkpoint(dated.select("id_key", "person_id"))
    alone = rejected.where("b_key IS NULL").select(F.col("a_key").alias("id_key"))
    # an identifier that lost one period may have another
    excluded = checkpoint_keys(alone.distinct().join(reassigned, "id_key", "left_anti"))
    hubs = checkpoint_keys(hubs)
    released = hubs.where("released").select(F.col("id_key").alias("other"))
    back = excluded.join(affected, "id_key", "left_semi")
    kept = checkpoint_keys(hubs.where("NOT released").select("id_key"))
    wanted = checkpoint_keys(kept.union(back).distinct())
    pairs = checkpoint(pairs_with(edges, wanted).distinct())
    few = pairs.groupBy("key").count().where(F.col("count") <= _FEW)
    few = few.join(back.toDF("key"), "key", "left_semi")
    around_excluded = pairs.join(few, "key", "left_semi").select(F.col("other").alias("id_key"))
    around = pairs.join(kept.toDF("key"), "key", "left_semi")
    around = around.join(excluded.toDF("other"), "other", "left_anti")
    around = around.join(released.withColumn("counts", F.lit(False)), "other", "left")
    around = around.select("key", "other", F.coalesce("counts", F.lit(True)).alias("counts"))
    return PreviousState(
        persons=persons,
        rejected=rejected,
        excluded=excluded,
        released_hubs=released.toDF("id_key"),
        hubs=kept,
        around_hubs=checkpoint(around),
        reassigned=reassigned,
        around_excluded=checkpoint(around_excluded.distinct()),
    )


def affected_region(
    affected: DataFrame, previous: PreviousState, limits: Mapping[str, Limit], *, scratch: str
) -> tuple[DataFrame, DataFrame]:
    """Find everything that affected identifiers may change.

    Args:
        affected: id_key.
        previous: What the last run left.
        limits: What one person may hold, by type.
        scratch: Where components are solved.

    Returns:
        id_key of the identifiers in the region (broadcast in joins if they are few); and their
        rows of identity.person.
    """
    ties = _ties(previous, affected, limits)
    begun = affected.union(previous.around_excluded)
    wanted = begun.union(ties.select("a_key")).union(ties.select("b_key")).distinct()
    owners = previous.persons.join(checkpoint_keys(wanted), "id_key", "left_semi")
    owners = checkpoint(owners.select("id_key", "person_id"))
    seeds = owners.join(begun, "id_key", "left_semi").select("person_id")
    touching, count = checkpoint_counted(_touching_persons(ties, owners, previous.reassigned))
    if count:
        loops = seeds.select("person_id", F.col("person_id").alias("other"))
        components = connected_components(
            touching.union(loops), src="person_id", dst="other", scratch=scratch
        )
        components = checkpoint(components)
        begun_in = components.join(seeds.toDF("id"), "id", "left_semi").select("component")
        seeds = components.join(begun_in.distinct(), "component", "left_semi")
        seeds = seeds.select(F.col("id").alias("person_id"))
    persons = checkpoint_keys(seeds.distinct())
    before = checkpoint(previous.persons.join(persons, "person_id", "left_semi"))
    keys = checkpoint_keys(before.select("id_key").union(affected).distinct())
    enclosed = _fully_enclosed_hubs(previous.around_hubs, keys)
    return checkpoint_keys(keys.union(enclosed).distinct()), before


def _ties(previous: PreviousState, affected: DataFrame, limits: Mapping[str, Limit]) -> DataFrame:
    """List pairs of identifiers (a_key, b_key) whose persons are solved together."""
    cut = previous.rejected.where(F.col("rule") == PERSON_RULE).select("a_key", "b_key")
    if ANY not in limits:
        return checkpoint(cut)
    # a hub with more neighbours than one person may have is released only where all are in one
    around = previous.around_hubs
    unchanged = around.where("counts").join(affected.toDF("other"), "other", "left_anti")
    large = unchanged.groupBy("key").count().where(F.col("count") > limits[ANY].most)
    small = around.join(large, "key", "left_anti")
    least = small.groupBy("key").agg(F.min("other").alias("a_key"))
    joined = small.join(least, "key").select("a_key", F.col("other").alias("b_key"))
    return checkpoint(cut.union(joined))


def _touching_persons(ties: DataFrame, owners: DataFrame, reassigned: DataFrame) -> DataFrame:
    """List pairs of persons (person_id, other) that are solved together."""
    first = owners.groupBy("id_key").agg(F.min("person_id").alias("person_id"))
    tied = ties.join(first.toDF("a_key", "person_id"), "a_key")
    tied = tied.join(first.toDF("b_key", "other_id"), "b_key")
    least = reassigned.groupBy("id_key").agg(F.min("person_id").alias("least"))
    owning = reassigned.join(least, "id_key").select("least", "person_id")
    pairs = tied.select("person_id", "other_id").union(owning).toDF("person_id", "other")
    return pairs.where("person_id <> other").distinct()


def _fully_enclosed_hubs(around_hubs: DataFrame, keys: DataFrame) -> DataFrame:
    """Find the hubs (id_key) all of whose neighbours are in the region."""
    inside = keys.toDF("other").withColumn("inside", F.lit(1))
    by_hub = around_hubs.where("counts").join(inside, "other", "left").groupBy("key")
    counted = by_hub.agg(F.count("inside").alias("inside"), F.count(F.lit(1)).alias("all"))
    return counted.where("inside = all").select(F.col("key").alias("id_key"))
