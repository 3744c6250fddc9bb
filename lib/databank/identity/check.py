"""The last word on components: the stored labels against the stored edges.

Three facts are tested: every id of the edges has exactly one label and nothing else has one; the
two ends of every edge have the same label; a label is the smallest of the ids that carry it. The
test does not trust the code that made the labels: it reads both tables anew.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, functions as F

from databank.identity.arrow import columns, to_batches
from databank.identity.forest import Ids, dense_codes

FACTS = {
    "ids": "ids without exactly one label",
    "edges": "edges between two components",
    "labels": "labels that are not the smallest id of their component",
}
_COUNTS = ", ".join(f"{fact} bigint" for fact in FACTS)


class ComponentsCheckError(RuntimeError):
    """The labels are wrong: a bug, or files that changed between write and read."""


def verify(edges: DataFrame, labels: DataFrame, *, local: bool) -> None:
    """Raise unless the labels hold for the edges.

    Args:
        edges: id, root (bigint): the ends of each edge.
        labels: id, component (bigint).
        local: Whether one task can hold both; else it is done with joins.

    Raises:
        ComponentsCheckError: Saying what is wrong and how often.
    """
    row = (_local_faults if local else _joined_faults)(edges, labels).first()
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


def _faults(u: Ids, v: Ids, ids: Ids, component: Ids) -> tuple[int, int, int]:
    if not np.all(ids[1:] > ids[:-1]):
        order = np.argsort(ids, kind="stable")
        ids, component = ids[order], component[order]
    ends = np.concatenate([u, v])
    known, codes = dense_codes(ends)
    # the codes are proved here, so that a fault in them cannot hide one in the labels
    sound = bool(np.all(known[1:] > known[:-1])) and np.array_equal(known[codes], ends)
    if not sound or not np.array_equal(known, ids):
        return max(1, np.setxor1d(known, ids).size + abs(ids.size - known.size)), 0, 0
    apart = component[codes[: u.size]] != component[codes[u.size :]]
    # ids are in order, so these are too: each label must be an id that is labelled with itself
    own = ids[component == ids]
    named = np.sort(component)
    named = named[np.append(True, named[1:] != named[:-1])]
    foreign = 0 if np.array_equal(named, own) else int((~np.isin(component, own)).sum())
    return 0, int(apart.sum()), foreign + int((component > ids).sum())


def _joined_faults(edges: DataFrame, labels: DataFrame) -> DataFrame:
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
    )
