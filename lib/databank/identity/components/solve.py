"""Connected components of any graph, exact and checked.

Steps, each stored as Parquet in a scratch folder before the next one reads it:

1. Reduce: each task replaces the edges it holds by a spanning forest where that is at most half of
   them (repeated edges, dense groups); elsewhere it passes them on.
2. Contract (`rounds`): while more than `local_budget` edges are left, in expectation O(log n)
   rounds, fewer rows in each.
3. Finish: one task labels what is left.
4. Expand: labels go back through the rounds to all ids. Without a round, step 3 labelled them.
5. Check: against the rows of step 1, see `check`; step 1 itself is proved by its tasks.

Cost, for E edges and N ids. Within the budget: no shuffle, three Spark jobs; 16 E bytes of scratch
written once and read twice, 16 N bytes of result; memory at most 0.4 GB in each task of step 1
(4,000,000 edges at a time) and about 100 bytes an edge in the one task of steps 3 and 5 (1.6 GB for
the default 16,000,000). Beyond: a round shuffles 32 bytes for each of at most 2 E rows (a node once
from each chunk of 4,000,000 edges, so no hub makes a large partition; 2,000,000 rows a partition)
and stores 32 bytes for each row left, node and representative; then one join a round on the way
back, and two joins and two aggregations over all for the check. The driver gets counts only.
"""

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Observation, functions as F
from pyspark.sql.types import LongType

from databank.columns import require_columns
from databank.errors import DataBankError
from databank.identity.components import rounds
from databank.identity.components.arrow import chunks, columns, to_batches
from databank.identity.components.check import (
    ComponentsCheckError,
    prove_forest,
    prove_rows,
    verify,
)
from databank.identity.components.forest import Ids, build_forest, count_distinct, spanning_rows
from databank.identity.components.graphframes import graphframes_labels
from databank.identity.components.scratch import Scratch

LOCAL_BUDGET = 16_000_000

_EDGE = "id bigint, root bigint"
_LABEL = "id bigint, component bigint"
_WHERE = "connected_components"


class EdgeEndError(DataBankError):
    """An end of an edge that cannot be an id."""


def connected_components(
    edges: DataFrame,
    *,
    src: str = "src",
    dst: str = "dst",
    scratch: str | None = None,
    local_budget: int = LOCAL_BUDGET,
    engine: str = "databank",
) -> DataFrame:
    """Label every id with the smallest id it is connected to.

    The edges are read once. The result is stored under `scratch` and removed when the process
    ends; whoever needs it for longer writes it to a table.

    Args:
        edges: Two bigint columns, the ends of each edge; direction, order and repeats mean
            nothing. An isolated id is an edge to itself.
        src: Name of the column of one end.
        dst: Name of the column of the other end.
        scratch: A path that all workers share (default: the session's spark.databank.scratch,
            else the temp folder of this machine).
        local_budget: Edges that one task may hold, at about 90 bytes each.
        engine: databank, or graphframes for steps 2 to 4 (its jar must be on the class path;
            beyond the budget, that it joins no more than the edges do is not checked).

    Returns:
        id (bigint, unique: every id that occurs), component (bigint, the smallest id in it).

    Raises:
        MissingColumnsError: If a column is absent.
        EdgeEndError: If a column is not bigint or has nulls.
        DataBankError: If the engine is graphframes and its jar is not there.
        ComponentsCheckError: If the result is not what this docstring says.
    """
    _require_bigint(edges, src, dst)
    folder = Scratch(edges.sparkSession, scratch)
    try:
        rows, size = _reduce(edges.select(src, dst), local_budget, folder)
        if engine == "graphframes":
            labels, components = _label_elsewhere(rows, size, local_budget, folder)
        else:
            labels, components = _label(rows, size, local_budget, folder)
        verify(rows, labels, components=components)
        folder.remove("edges")
    except BaseException:
        folder.remove()
        raise
    folder.remove_at_exit()
    return labels


def _require_bigint(edges: DataFrame, *names: str) -> None:
    require_columns(edges, *names, where=_WHERE)
    for name in names:
        kind = edges.schema[name].dataType
        if not isinstance(kind, LongType):
            raise EdgeEndError(
                f"{_WHERE}: column {name} is {kind.simpleString()}, ids are bigint; "
                "hash or cast it first"
            )


def _reduce(edges: DataFrame, budget: int, folder: Scratch) -> tuple[DataFrame, int]:
    """Edges (id, root) that connect the same ids, and how many there are."""
    given, kept, size = Observation(), Observation(), F.count(F.lit(1))
    nulls = [F.count_if(F.col(name).isNull()).alias(f"in {name}") for name in edges.columns]
    task = partial(_reduce_task, most=min(rounds.CHUNK, max(1, budget)))
    counted = edges.observe(given, size.alias("edges"), *nulls)
    reduced = counted.mapInArrow(task, f"{_EDGE}, edges bigint")
    used = F.coalesce(F.sum("edges"), F.lit(0)).alias("edges")
    reduced = reduced.observe(kept, size.alias("rows"), used)
    stored = folder.write(reduced.select("id", "root"), "edges")
    found = given.get
    told = [f"{name} in {n} rows" for name in sorted(edges.columns) if (n := found[f"in {name}"])]
    if told:
        raise EdgeEndError(
            f"{_WHERE}: null ends ({', '.join(told)}); give an isolated id as a self loop"
        )
    if kept.get["edges"] != found["edges"]:
        raise ComponentsCheckError(
            f"{_WHERE}: {found['edges']} edges were given, {kept.get['edges']} used"
        )
    return stored, int(kept.get["rows"])


def _reduce_task(batches: Iterable[pa.RecordBatch], *, most: int) -> Iterator[pa.RecordBatch]:
    """Keep a chunk's forest back as part of the next chunk, as long as that shrinks it.

    The first row of each forest tells how many edges went into it.
    """
    held: tuple[Ids, ...] = ()
    edges = 0
    for chunk in chunks(batches, rows=most):
        pair = [np.concatenate(parts) for parts in zip(held, chunk, strict=True)] if held else chunk
        edges += chunk[0].size
        u, v = _shrink(*pair)
        held = (u, v) if u.size <= most // 2 else ()
        if not held:
            yield from _told(edges, u, v)
            edges = 0
    if held:
        yield from _told(edges, *held)


def _told(edges: int, u: Ids, v: Ids) -> Iterator[pa.RecordBatch]:
    counts = np.zeros(u.size, np.int64)
    counts[0] = edges
    return to_batches(["id", "root", "edges"], u, v, counts)


def _shrink(u: Ids, v: Ids) -> tuple[Ids, Ids]:
    # a forest has about a row for each node: more nodes than that, and it is not worth its time
    if count_distinct(np.concatenate([u, v])) > u.size // 2:
        return u, v
    forest = build_forest(u, v)
    rows = spanning_rows(forest)
    prove_forest(u, v, forest)
    prove_rows(forest, *rows)
    return rows


def _label(
    rows: DataFrame, size: int, budget: int, folder: Scratch
) -> tuple[DataFrame, int | None]:
    """Labels, and how many components the steps found; None where there was one step only."""
    if size <= budget:
        return folder.write(rows.coalesce(1).mapInArrow(_finish_task, _LABEL), "labels-0"), None
    links = rows.select(
        F.lit(rounds.LINK).cast("bigint").alias("kind"),
        F.col("id").alias("node"),
        "root",
        F.col("id").alias("low"),
    )
    left, trail, done = rounds.contract(links, size, budget=budget, scratch=folder)
    last = left.coalesce(1).mapInArrow(_finish_contracted_task, _LABEL)
    last = folder.write(last, "labels-last")
    components = done + last.select("component").distinct().count()
    labels = rounds.expand(last, trail, scratch=folder)
    for number in range(len(trail)):
        folder.remove(f"round-{number}")
    for name in ("last", *range(1, len(trail))):
        folder.remove(f"labels-{name}")
    return labels, components


def _label_elsewhere(
    rows: DataFrame, size: int, budget: int, folder: Scratch
) -> tuple[DataFrame, int | None]:
    labels = folder.write(graphframes_labels(rows), "labels-0")
    if size <= budget:
        return labels, None
    return labels, labels.select("component").distinct().count()


def _finish_task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    held = columns(batches)
    if held:
        forest = build_forest(*held)
        yield from to_batches(["id", "component"], forest.ids, forest.ids[forest.root])


def _finish_contracted_task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    held = columns(batches)
    if held:
        _, node, root, low = held
        forest = build_forest(node, root)
        prove_forest(node, root, forest)
        lows = forest.ids.copy()
        np.minimum.at(lows, forest.root[forest.u], low)
        yield from to_batches(["id", "component"], forest.ids, lows[forest.root])
