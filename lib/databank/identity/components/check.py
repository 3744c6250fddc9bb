"""Prove the results of each step, without trust in the code that made them.

Each task proves its result against its input before it hands it on; scipy, which shares no code
with the forest, finds the components again or counts them. Data between tasks carries checksums
(see `blocks`). So labels are right if each step's are:

- a chunk's forest has the components of the chunk's edges (`prove_forest`), and all edges are used;
- within the budget, the labels are the smallest ids of the components of all forests
  (`prove_labels`), and all forests are there;
- beyond it, a round links only roots that one id has (`prove_choice`), and at the end all roots
  that an id has anywhere carry one label (`expand`): so it joins no less than the edges do. It
  joins no more if there are as many labels as the rounds found components: roots that nothing links
  any more, and trees of what was left. All rows of all forests and all ids are counted on the way.

Labels that another engine made are tested by joins (`verify`).
"""

import numpy as np
from pyspark.sql import DataFrame, functions as F
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components as scipy_components

from databank.identity.components.forest import Codes, Forest, Ids

FACTS = {
    "ids": "ids without exactly one label",
    "edges": "edges between two components",
    "labels": "labels that are not the smallest id of their component",
}


class ComponentsCheckError(RuntimeError):
    """The labels are wrong: a bug, or files that changed between write and read."""


def require(holds: bool, what: str) -> None:
    """Raise ComponentsCheckError unless a condition holds."""
    if not holds:
        raise ComponentsCheckError(f"connected_components: a step is wrong: {what}")


# ---- steps, in the task that takes them


def prove_forest(u: Ids, v: Ids, forest: Forest) -> None:
    """Raise unless the forest's trees are the components of the edges (u[i], v[i]).

    Raises:
        ComponentsCheckError: Saying what is wrong.
    """
    ids, root, a, b = forest
    require(_ascending(ids) and np.array_equal(ids[a], u) and np.array_equal(ids[b], v), "ids")
    require(np.array_equal(root[a], root[b]), "an edge between two trees")
    require(np.array_equal(root[root], root), "a root under a root")
    trees = np.count_nonzero(root == np.arange(ids.size))
    count, _ = _components(ids.size, a, b, labels=False)
    require(trees == count, "trees too many or too few")
    named = np.zeros(ids.size, np.bool_)
    named[a] = named[b] = True
    require(bool(named.all()), "ids that no edge has")


def prove_labels(
    chunks: list[tuple[Ids, Codes]], known: Ids, a: Codes, b: Codes, ids: Ids, labels: Ids
) -> None:
    """Raise unless labels[i] is the smallest of ids in the component of known[i].

    Args:
        chunks: The ids of each forest, and the place of each one's root among them.
        known: All ids of all forests, ascending.
        a: The place in `known` of each id of the chunks.
        b: The place of its root.
        ids: What `known` stands for.
        labels: The labels to prove.

    Raises:
        ComponentsCheckError: Saying what is wrong.
    """
    named = np.zeros(known.size, np.bool_)
    start = 0
    for each, tree in chunks:
        own, roots = (codes[start : start + each.size] for codes in (a, b))
        require(np.array_equal(known[own], each), "ids")
        require(np.array_equal(known[roots], each[tree]), "roots")
        named[own] = True
        start += each.size
    require(start == a.size == b.size and _ascending(known) and bool(named.all()), "ids")
    apart = a != b
    count, component = _components(known.size, a[apart], b[apart], labels=True)
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, component, ids)
    require(np.array_equal(smallest[component], labels), "labels that are not the smallest ids")


def prove_codes(values: Ids, known: Ids, codes: Codes) -> None:
    """Raise unless codes number the values by their place among all known ones.

    Raises:
        ComponentsCheckError: Saying what is wrong.
    """
    require(_ascending(known) and np.array_equal(known[codes], values), "numbers of ids")


def prove_choice(roots: Ids, first: Ids, chosen: Ids) -> None:
    """Raise unless each id's chosen root is one of its own.

    Args:
        roots: The roots of the ids, an id's roots one after the other.
        first: Where each id's roots begin.
        chosen: One for each id.
    """
    same = np.repeat(chosen, np.diff(np.append(first, roots.size))) == roots
    require(
        bool(np.logical_or.reduceat(same, first).all()), "a chosen root that is none of the id's"
    )


def _ascending(ids: Ids) -> bool:
    return bool(np.all(ids[1:] > ids[:-1]))


def _components(nodes: int, a: Codes, b: Codes, *, labels: bool) -> tuple[int, Codes]:
    graph = coo_matrix((np.ones(a.size, np.bool_), (a, b)), shape=(nodes, nodes))
    # an edge may repeat: to sum repeats up takes longer than to follow an edge twice
    graph.has_canonical_format = True
    result = scipy_components(graph, directed=False, return_labels=labels)
    count, component = result if labels else (result, np.empty(0, np.int32))
    return int(count), component


# ---- the labels of another engine


def verify(edges: DataFrame, labels: DataFrame) -> None:
    """Raise unless the labels hold for the edges.

    Every id of the edges has exactly one label and nothing else has one; the two ends of every
    edge have the same label; a label is the smallest of the ids that carry it. Labels that pass
    join at least what the edges join.

    Args:
        edges: id, root (bigint): the ends of each edge.
        labels: id, component (bigint).

    Raises:
        ComponentsCheckError: Saying what is wrong and how often.
    """
    row = _faults(edges, labels).first()
    counts = row.asDict() if row is not None else dict.fromkeys(FACTS, 0)
    wrong = [f"{counts[fact]} {text}" for fact, text in FACTS.items() if counts[fact]]
    if wrong:
        raise ComponentsCheckError(f"connected_components: {'; '.join(wrong)}")


def _faults(edges: DataFrame, labels: DataFrame) -> DataFrame:
    """Count faults: each claim about the label of a key is a row, and its rows must agree."""
    given = labels.select(F.col("id").alias("key"), "component", F.lit(1).alias("label"))
    # a component's own id must be labelled with itself
    named = labels.select(F.col("component").alias("key"), "component").distinct()
    of_id = labels.withColumnRenamed("component", "value")
    across = edges.join(of_id, "id", "left").select(F.col("root").alias("key"), "value")
    claims = given.select("key", F.col("component").alias("value"), "label", F.lit(0).alias("edge"))
    claims = claims.union(named.select("key", "component", F.lit(0), F.lit(0)))
    claims = claims.union(across.select("key", "value", F.lit(0), F.lit(1)))
    label = F.when(F.col("label") == 1, F.col("value"))
    edge = F.when(F.col("edge") == 1, F.col("value"))
    keys = claims.groupBy("key").agg(
        F.sum("label").alias("given"),
        F.max(label).alias("is"),
        F.min(edge).alias("low"),
        F.max(edge).alias("high"),
        F.count_if((F.col("edge") == 1) & F.col("value").isNull()).alias("unlabelled"),
        F.count_if((F.col("label") == 0) & (F.col("edge") == 0)).alias("named"),
    )
    touched = edges.select(F.explode(F.array("id", "root")).alias("key")).distinct()
    keys = keys.join(touched.withColumn("known", F.lit(True)), "key", "full")
    times, known = F.coalesce("given", F.lit(0)), F.col("known").isNotNull()
    ids = (known & (times != 1)) | (~known & (times > 0)) | (F.col("unlabelled") > 0)
    edges_apart = (F.col("low") != F.col("is")) | (F.col("high") != F.col("is"))
    foreign = (F.col("named") > 0) & ~F.col("is").eqNullSafe(F.col("key"))
    return keys.agg(
        F.count_if(ids).alias("ids"),
        F.count_if(edges_apart).alias("edges"),
        F.count_if((F.col("is") > F.col("key")) | foreign).alias("labels"),
    )
