"""The last word on components: nothing here trusts the code that made them.

Labels are right if three facts hold and one count: every id of the edges has exactly one label and
nothing else has one; the two ends of every edge have the same label; a label is the smallest of the
ids that carry it. Labels that pass join at least what the edges join; they join no more if there
are as many of them as components.

That count is made by scipy, which shares no code with the forest. A task that holds all edges
counts at the end (`verify`). Where no task can, each step on the way to the labels is proved by
the task that takes it (`prove_forest`, `prove_rows`, `prove_choice`), and the labels must add up
to what the steps left over.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, functions as F
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components as scipy_components

from databank.identity.components.arrow import columns, to_batches
from databank.identity.components.forest import Codes, Forest, Ids, dense_codes

FACTS = {
    "ids": "ids without exactly one label",
    "edges": "edges between two components",
    "labels": "labels that are not the smallest id of their component",
    "components": "components too many or too few",
}
_COUNTS = ", ".join(f"{fact} bigint" for fact in FACTS)


class ComponentsCheckError(RuntimeError):
    """The labels are wrong: a bug, or files that changed between write and read."""


# ---- steps, in the task that takes them


def prove_forest(u: Ids, v: Ids, forest: Forest) -> None:
    """Raise unless the forest's trees are the components of the edges (u[i], v[i]).

    Raises:
        ComponentsCheckError: Saying what is wrong.
    """
    ids, root = forest.ids, forest.root
    _require(_are_codes(np.concatenate([u, v]), ids, np.concatenate([forest.u, forest.v])), "ids")
    _require(np.array_equal(root[forest.u], root[forest.v]), "an edge between two trees")
    _require(np.array_equal(root[root], root), "a root under a root")
    trees = np.count_nonzero(root == np.arange(ids.size))
    _require(trees == _count(ids.size, forest.u, forest.v), "trees too many or too few")


def prove_rows(forest: Forest, ids: Ids, roots: Ids) -> None:
    """Raise unless the rows (ids[i], roots[i]) name every id of the forest in its own tree.

    Rows are stars around the roots, so that they connect a tree if they name all of it.
    """
    known = forest.ids
    child, root = (np.searchsorted(known, end).clip(max=known.size - 1) for end in (ids, roots))
    sound = np.array_equal(known[child], ids) and np.array_equal(known[root], roots)
    _require(sound and np.array_equal(forest.root[child], root), "a row in another tree")
    named = np.zeros(known.size, np.bool_)
    named[child] = named[root] = True
    _require(bool(named.all()), "ids that the forest's rows lose")


def prove_choice(codes: Codes, roots: Ids, chosen: Ids) -> None:
    """Raise unless each node's chosen root is one of the roots that its rows (codes[i]) name."""
    met = np.zeros(chosen.size, np.bool_)
    met[codes[roots == chosen[codes]]] = True
    _require(bool(met.all()), "a representative that nobody named")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ComponentsCheckError(f"connected_components: a step is wrong: {what}")


def _are_codes(values: Ids, ids: Ids, codes: Codes) -> bool:
    return bool(np.all(ids[1:] > ids[:-1])) and np.array_equal(ids[codes], values)


def _count(nodes: int, a: Codes, b: Codes) -> int:
    graph = coo_matrix((np.ones(a.size, np.bool_), (a, b)), shape=(nodes, nodes))
    return int(scipy_components(graph, directed=False, return_labels=False))


# ---- the whole, at the end


def verify(edges: DataFrame, labels: DataFrame, *, components: int | None) -> None:
    """Raise unless the labels hold for the edges.

    Args:
        edges: id, root (bigint): the ends of each edge.
        labels: id, component (bigint).
        components: How many there must be. None: one task can hold edges and labels, and counts
            them; else the facts are tested by joins.

    Raises:
        ComponentsCheckError: Saying what is wrong and how often.
    """
    if components is None:
        faults = _local_faults(edges, labels)
    else:
        faults = _joined_faults(edges, labels, components)
    row = faults.first()
    counts = row.asDict() if row is not None else dict.fromkeys(FACTS, 0)
    wrong = [f"{counts[fact]} {text}" for fact, text in FACTS.items() if counts[fact]]
    if wrong:
        raise ComponentsCheckError(f"connected_components: {'; '.join(wrong)}")


def _local_faults(edges: DataFrame, labels: DataFrame) -> DataFrame:
    marked = edges.withColumn("label", F.lit(0).cast("bigint"))
    both = labels.withColumn("label", F.lit(1).cast("bigint")).union(marked)
    return both.coalesce(1).mapInArrow(_count_faults, _COUNTS)


def _count_faults(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    held = columns(batches)
    if held:
        first, second, label = held
        given = label == 1
        faults = _faults(first[~given], second[~given], first[given], second[given])
        yield from to_batches(list(FACTS), *(np.array([count]) for count in faults))


def _faults(u: Ids, v: Ids, ids: Ids, component: Ids) -> tuple[int, int, int, int]:
    if not np.all(ids[1:] > ids[:-1]):
        order = np.argsort(ids, kind="stable")
        ids, component = ids[order], component[order]
    ends = np.concatenate([u, v])
    known, codes = dense_codes(ends)
    # the codes are proved here, so that a fault in them cannot hide one in the labels
    if not _are_codes(ends, known, codes) or not np.array_equal(known, ids):
        return max(1, np.setxor1d(known, ids).size + abs(ids.size - known.size)), 0, 0, 0
    a, b = codes[: u.size], codes[u.size :]
    apart = component[a] != component[b]
    # ids are in order, so these are too: each label must be an id that is labelled with itself
    own = ids[component == ids]
    named = np.sort(component)
    named = named[np.append(True, named[1:] != named[:-1])]
    foreign = 0 if np.array_equal(named, own) else int((~np.isin(component, own)).sum())
    off = abs(named.size - _count(ids.size, a, b))
    return 0, int(apart.sum()), foreign + int((component > ids).sum()), off


def _joined_faults(edges: DataFrame, labels: DataFrame, components: int) -> DataFrame:
    """The same counts by joins: every statement about a key is a row, a key's rows must agree."""
    given = labels.select(F.col("id").alias("key"), "component", F.lit(1).alias("label"))
    # a component's own id must be labelled with itself
    named = labels.select(F.col("component").alias("key"), "component").distinct()
    of_id = labels.withColumnRenamed("component", "value")
    told = edges.join(of_id, "id", "left").select(F.col("root").alias("key"), "value")
    said = given.select("key", F.col("component").alias("value"), "label", F.lit(0).alias("edge"))
    said = said.union(named.select("key", "component", F.lit(0), F.lit(0)))
    said = said.union(told.select("key", "value", F.lit(0), F.lit(1)))
    label = F.when(F.col("label") == 1, F.col("value"))
    edge = F.when(F.col("edge") == 1, F.col("value"))
    keys = said.groupBy("key").agg(
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
        F.abs(F.count_if(F.col("named") > 0) - F.lit(components)).alias("components"),
    )
