"""Connected components of any graph, exact and checked.

Steps, each stored in a scratch folder before the next one reads it, as `blocks`:

1. Forests (`chunks`): each task replaces some millions of edges by the trees that they make.
2. Within `local_budget`: one task joins the forests and names the components (`finish`).
3. Beyond it: rounds through shuffles (`rounds`) until what is left is within it, one task that
   names what is left, and the way back (`expand`).

Every task proves what it made before it hands it on, see `check`.

Cost, for E edges, N ids and R rows of forests (an id once a chunk of 4,000,000 edges: N <= R <=
2 E). Edges go from Spark to Python once, labels come back once; the rest are bytes. Within the
budget: no shuffle, two Spark jobs; 20 R bytes written, 12 R read, 16 N bytes of labels; 0.8 GB in
each task of step 1 and at most 100 R bytes in the one of step 2. Beyond it: a round shuffles 16
bytes for each of its rows, at most about 2,000,000 a slice, and stores 12, and 8 for a root and 16
for a link; the way back shuffles those rows again, and about 24 bytes for each root of a slice. The
driver gets counts only. See `cost` for what that comes to.
"""

import re
from functools import partial

from pyspark.errors import PythonException
from pyspark.sql import DataFrame, Observation, functions as F
from pyspark.sql.types import LongType

from databank.columns import require_columns
from databank.identity.components import blocks
from databank.identity.components.check import ComponentsCheckError, require, verify
from databank.identity.components.chunks import CHUNK, EdgeEndError, as_edges, store_forests
from databank.identity.components.expand import expand
from databank.identity.components.finish import label_forests, label_links
from databank.identity.components.graphframes import graphframes_labels
from databank.identity.components.rounds import contract
from databank.identity.components.scratch import Scratch

LOCAL_BUDGET = 32_000_000

_EDGE = "id bigint, root bigint"
_LABEL = "id bigint, component bigint"
_WHERE = "connected_components"


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
    ends; whoever needs it for longer writes it to a table, and so does who reads it often.

    Args:
        edges: Two bigint columns, the ends of each edge; direction, order and repeats mean
            nothing. An isolated id is an edge to itself.
        src: Name of the column of one end.
        dst: Name of the column of the other end.
        scratch: A path that all workers share (default: the session's spark.databank.scratch,
            else the temp folder of this machine).
        local_budget: Rows of forests that one task may hold, at up to 100 bytes each.
        engine: databank, or graphframes after step 1 (its jar must be on the class path; that it
            joins no more than the edges do is not checked).

    Returns:
        id (bigint, unique: every id that occurs), component (bigint, the smallest id in it).

    Raises:
        MissingColumnsError: If a column is absent.
        EdgeEndError: If a column is not bigint or has nulls.
        DataBankError: If the engine is graphframes and its jar is not there.
        ComponentsCheckError: If the result is not what this docstring says.
        ValueError: If local_budget is negative or beyond 2^31 - 1.
    """
    _require_bigint(edges, src, dst)
    if not 0 <= local_budget < 2**31:
        raise ValueError(f"local_budget is {local_budget}, must be from 0 to {2**31 - 1}")
    folder = Scratch(edges.sparkSession, scratch)
    chunk = min(CHUNK, max(1, local_budget))
    try:
        forests, size = store_forests(edges.select(src, dst), chunk=chunk, scratch=folder)
        if engine == "graphframes":
            labels = _label_elsewhere(forests, size, folder)
        else:
            labels = _label(forests, size, local_budget, chunk, folder)
        folder.remove("forests")
    except PythonException as error:
        folder.remove()
        if fault := re.search(r"ComponentsCheckError: (.*)", str(error)):
            raise ComponentsCheckError(fault[1]) from error
        raise
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


def _label(forests: DataFrame, size: int, budget: int, chunk: int, folder: Scratch) -> DataFrame:
    stats = Observation()
    count = F.coalesce(F.sum("tally"), F.lit(0)).alias("count")
    if size <= budget:
        # a tree is known by its number here, and by its root where chunks are cut
        whole = forests.drop("partners", "partners_sum").coalesce(1)
        labels = whole.mapInArrow(partial(label_forests, size=size), blocks.SCHEMA)
        return _as_rows(folder.write(labels.observe(stats, count), "labels-0"), stats.get["count"])
    graph = contract(forests, size, budget=budget, chunk=chunk, scratch=folder)
    finish = partial(label_links, size=graph.left, key=graph.order, slices=graph.slices)
    last = graph.links.coalesce(1).mapInArrow(finish, blocks.SCHEMA).observe(stats, count)
    last = folder.write(last, "labels-last")
    labels = expand(graph, last, int(stats.get["count"]), scratch=folder)
    folder.remove("labels-last")
    return _as_rows(labels, graph.ids)


def _label_elsewhere(forests: DataFrame, size: int, folder: Scratch) -> DataFrame:
    require(_stored(forests) == size, "forests got lost")
    edges = forests.mapInArrow(as_edges, _EDGE)
    labels = folder.write(graphframes_labels(edges), "labels-0")
    verify(edges, labels)
    return labels


def _as_rows(labels: DataFrame, ids: int) -> DataFrame:
    require(_stored(labels) == ids, "labels got lost")
    return labels.mapInArrow(blocks.as_labels, _LABEL)


def _stored(rows: DataFrame) -> int:
    row = rows.agg(F.coalesce(F.sum("size"), F.lit(0))).first()
    return int(row[0]) if row is not None else 0
