"""Measure how densely the identifiers of each person are connected, and where hardly."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, functions as F

from databank.columns import require_columns
from databank.identity.bridges import find_bridges
from databank.identity.components.arrow import columns, to_batches
from databank.identity.evidence.edges import pair_of_keys

_COUNTS = ["person_id", "bridges", "weak_bridges"]


def describe_clusters(persons: DataFrame, edges: DataFrame, rejected: DataFrame) -> DataFrame:
    """Measure the graph of each person that has two identifiers or more.

    Args:
        persons: id_key (bigint, unique), person_id.
        edges: a_key, b_key: evidence; a pair may come in several rows and both directions.
        rejected: identity.rejected rows.

    Returns:
        One row per person: person_id; identifiers; links (different pairs of them that were seen
        together); density (links as a share of all possible pairs, 0-1); bridges (links without
        which the person would fall into two); weak_bridges (bridges between two groups of two
        identifiers or more: the links to check first where two people were taken for one);
        conflicts (rejected links that lead out of the person or are within it).

    Raises:
        MissingColumnsError: If a frame lacks a column named above.
    """
    require_columns(persons, "id_key", "person_id", where="describe_clusters: persons")
    require_columns(edges, "a_key", "b_key", where="describe_clusters: edges")
    require_columns(rejected, "a_key", "b_key", where="describe_clusters: rejected")
    cut = _pairs(rejected.where("b_key IS NOT NULL"))
    links = _within(_pairs(edges).join(cut, ["a_key", "b_key"], "left_anti"), persons)
    sizes = persons.groupBy("person_id").agg(F.count(F.lit(1)).alias("identifiers"))
    counted = links.groupBy("person_id").agg(F.count(F.lit(1)).alias("links"))
    counted = sizes.where("identifiers > 1").join(counted, "person_id", "left")
    bridges = links.join(sizes.where("identifiers > 3"), "person_id", "left_semi")
    # all links of a person go to one task
    bridges = bridges.repartition("person_id").mapInArrow(
        _count_bridges, ", ".join(f"{name} bigint" for name in _COUNTS)
    )
    pairs = F.col("identifiers") * (F.col("identifiers") - 1) / 2
    present = F.coalesce("links", F.lit(0))
    # among two or three identifiers, all links are bridges or none is
    small = F.when(present < F.col("identifiers"), present).otherwise(F.lit(0))
    return (
        counted.join(bridges, "person_id", "left")
        .join(_conflicts(cut, persons), "person_id", "left")
        .select(
            "person_id",
            "identifiers",
            present.alias("links"),
            (present / pairs).alias("density"),
            F.coalesce("bridges", small).alias("bridges"),
            *(F.coalesce(name, F.lit(0)).alias(name) for name in ("weak_bridges", "conflicts")),
        )
    )


def _pairs(links: DataFrame) -> DataFrame:
    return links.where("a_key <> b_key").select(*pair_of_keys()).distinct()


def _within(pairs: DataFrame, persons: DataFrame) -> DataFrame:
    """Select the pairs whose ends belong to one person: person_id, a_key, b_key."""
    known = persons.select("id_key", "person_id")
    here = pairs.join(known.withColumnRenamed("id_key", "a_key"), "a_key")
    there = known.select(F.col("id_key").alias("b_key"), "person_id")
    return here.join(there, ["b_key", "person_id"]).select("person_id", "a_key", "b_key")


def _conflicts(cut: DataFrame, persons: DataFrame) -> DataFrame:
    """Count the rejected pairs that touch a person, each once: person_id, conflicts."""
    ends = cut.select(F.explode(F.array("a_key", "b_key")).alias("id_key"), "a_key", "b_key")
    touched = ends.join(persons.select("id_key", "person_id"), "id_key")
    different = F.count_distinct("a_key", "b_key").alias("conflicts")
    return touched.groupBy("person_id").agg(different)


def _count_bridges(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Count bridges by person, of the links (person_id, a_key, b_key) of one task."""
    links = columns(batches)
    if not links:
        return
    person, a, b = links
    bridge, smaller = find_bridges(a, b)
    ids, codes = np.unique(person, return_inverse=True)
    counts = (np.bincount(codes[rows], minlength=ids.size) for rows in (bridge, smaller > 1))
    yield from to_batches(_COUNTS, ids, *counts)
