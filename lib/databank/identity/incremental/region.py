"""The persons that touched identifiers may change: whole, and with all that hangs on them.

What an identifier may link is told by its own evidence. Who is one person is told by all links of a
person, and these leave it only where they were refused for the person's sake: at a link that was
cut, at an identifier that was handed over, at one that was set aside as junk and would come back
where its neighbours are one. Persons that meet there are solved together; then nothing that may
link leads out of the region, and solving it alone gives what solving all gives.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.identity.components.solve import connected_components
from databank.identity.config import ANY, Limit
from databank.identity.evidence.edges import pairs_with
from databank.identity.rules import PERSON_RULE
from databank.session import checkpoint, hinted

_FEW = 50  # neighbours, of an identifier that may come back


class Known(NamedTuple):
    """What the last run left.

    Attributes:
        persons: identity.person.
        rejected: identity.rejected, without what has no identifier's form.
        aside: id_key of identifiers that are nobody's.
        released: id_key of junk that came back.
        unusual: id_key of junk that did not.
        met: key, other, counts: what is nobody's as junk, and the identifiers of persons that were
            seen with it; those that are junk themselves do not count when it is looked at again.
        shared: id_key, person_id of identifiers that have several holdings.
        near: id_key of what was seen with touched identifiers that are nobody's and have few
            neighbours: should they come back, it is to these.
    """

    persons: DataFrame
    rejected: DataFrame
    aside: DataFrame
    released: DataFrame
    unusual: DataFrame
    met: DataFrame
    shared: DataFrame
    near: DataFrame


class Region(NamedTuple):
    """What is solved anew.

    Attributes:
        keys: id_key of the identifiers in it; told to be broadcast if they are few.
        before: Their rows of identity.person.
    """

    keys: DataFrame
    before: DataFrame


def last_known(
    persons: DataFrame,
    rejected: DataFrame,
    junk: DataFrame,
    edges: DataFrame,
    touched: DataFrame,
) -> Known:
    """Read what the last run left, and who has met its junk since.

    Args:
        persons: identity.person.
        rejected: identity.rejected, without what has no identifier's form.
        junk: identity.junk.
        edges: identity.edges of today.
        touched: id_key of what has changed since.
    """
    held = persons.where("valid_from IS NOT NULL OR valid_to IS NOT NULL")
    shared = checkpoint(held.select("id_key", "person_id"))
    nodes = rejected.where("b_key IS NULL").select(F.col("a_key").alias("id_key"))
    # who lost one holding may have another
    aside = checkpoint(nodes.distinct().join(shared, "id_key", "left_anti"))
    junk = checkpoint(junk)
    released = junk.where("released").select(F.col("id_key").alias("other"))
    back = aside.join(touched, "id_key", "left_semi")
    unusual = checkpoint(junk.where("NOT released").select("id_key"))
    pairs = checkpoint(pairs_with(edges, checkpoint(unusual.union(back).distinct())).distinct())
    few = pairs.groupBy("key").count().where(F.col("count") <= _FEW)
    few = few.join(back.toDF("key"), "key", "left_semi")
    near = pairs.join(few, "key", "left_semi").select(F.col("other").alias("id_key"))
    met = pairs.join(unusual.toDF("key"), "key", "left_semi")
    met = met.join(hinted(aside.toDF("other")), "other", "left_anti")
    met = met.join(hinted(released.withColumn("counts", F.lit(False))), "other", "left")
    met = met.select("key", "other", F.coalesce("counts", F.lit(True)).alias("counts"))
    return Known(
        persons=persons,
        rejected=rejected,
        aside=aside,
        released=released.toDF("id_key"),
        unusual=unusual,
        met=checkpoint(met),
        shared=shared,
        near=checkpoint(near.distinct()),
    )


def region_of(
    touched: DataFrame, known: Known, limits: Mapping[str, Limit], *, scratch: str
) -> Region:
    """Everything that touched identifiers may change.

    Args:
        touched: id_key.
        known: What the last run left.
        limits: What one person may hold, by type.
        scratch: Where components are solved.
    """
    ties = _ties(known, touched, limits)
    begun = touched.union(known.near)
    wanted = begun.union(ties.select("one")).union(ties.select("other")).distinct()
    whose = known.persons.join(hinted(checkpoint(wanted)), "id_key", "left_semi")
    whose = checkpoint(whose.select("id_key", "person_id"))
    seeds = whose.join(begun, "id_key", "left_semi").select("person_id")
    met = _persons_met(ties, whose, known.shared)
    if not met.isEmpty():
        loops = seeds.select("person_id", F.col("person_id").alias("other"))
        found = connected_components(
            met.union(loops), src="person_id", dst="other", scratch=scratch
        )
        found = checkpoint(found)
        whole = found.join(seeds.toDF("id"), "id", "left_semi").select("component").distinct()
        seeds = found.join(whole, "component", "left_semi").select(F.col("id").alias("person_id"))
    persons = hinted(checkpoint(seeds.distinct()))
    before = checkpoint(known.persons.join(persons, "person_id", "left_semi"))
    keys = checkpoint(before.select("id_key").union(touched).distinct())
    whole = keys.union(_whole_junk(known.met, keys)).distinct()
    return Region(hinted(checkpoint(whole)), before)


def _ties(known: Known, touched: DataFrame, limits: Mapping[str, Limit]) -> DataFrame:
    """one, other: identifiers whose persons are solved together."""
    cut = (
        known.rejected.where(F.col("rule") == PERSON_RULE)
        .select("a_key", "b_key")
        .toDF("one", "other")
    )
    if ANY not in limits:
        return checkpoint(cut)
    # with more neighbours than one person may have, it comes back only where all are in one
    sure = known.met.where("counts").join(touched.toDF("other"), "other", "left_anti")
    large = sure.groupBy("key").count().where(F.col("count") > limits[ANY].most)
    small = known.met.join(large, "key", "left_anti")
    least = small.groupBy("key").agg(F.min("other").alias("one"))
    return checkpoint(cut.union(small.join(least, "key").select("one", "other")))


def _persons_met(ties: DataFrame, whose: DataFrame, shared: DataFrame) -> DataFrame:
    """person_id, other: pairs of persons that are solved together."""
    first = whose.groupBy("id_key").agg(F.min("person_id").alias("person_id"))
    one = first.toDF("one", "person_id")
    met = ties.join(one, "one").join(first.toDF("other", "other_id"), "other")
    held = shared.groupBy("id_key").agg(F.min("person_id").alias("least"))
    holders = shared.join(held, "id_key").select("least", "person_id")
    pairs = met.select("person_id", "other_id").union(holders).toDF("person_id", "other")
    return checkpoint(pairs.where("person_id <> other").distinct())


def _whole_junk(met: DataFrame, keys: DataFrame) -> DataFrame:
    """id_key of junk all of whose neighbours are in the region."""
    inside = hinted(keys.toDF("other")).withColumn("inside", F.lit(1))
    found = met.where("counts").join(inside, "other", "left").groupBy("key")
    counted = found.agg(F.count("inside").alias("inside"), F.count(F.lit(1)).alias("all"))
    return counted.where("inside = all").select(F.col("key").alias("id_key"))
