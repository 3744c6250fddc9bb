"""One engine of connected components on one graph, in a process of its own (see scripts/bench).

    bench_components.py make GRAPH FOLDER            write the graph's edges: src, dst (bigint)
    bench_components.py ENGINE EDGES RESULT [TIMES]  read Parquet, label, write Parquet, TIMES times

Prints the seconds of each time as JSON: the first is cold, the last is warm. All engines read the
same files and write id and component.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Engine = Callable[[str, str, int], Iterator[float]]
_FILES = 8
_SEED = 20260331


# ---- graphs


def make(graph: str, folder: Path) -> None:
    """Write a graph in random order, its ids spread over all 64 bits."""
    rng = np.random.default_rng(_SEED)
    name, _, size = graph.partition("-")
    src, dst = {"persons": persons, "chain_star": chain_star}[name](rng, int(size or 0))
    order = rng.permutation(src.size)
    folder.mkdir(parents=True)
    for number, rows in enumerate(np.array_split(order, _FILES)):
        table = pa.table({"src": spread(src[rows]), "dst": spread(dst[rows])})
        pq.write_table(table, folder / f"part-{number}.parquet", row_group_size=1 << 20)


def persons(rng: np.random.Generator, millions: int) -> tuple[Ids, Ids]:
    """`millions` million edges, two thirds as many ids: small stars, 2 % of them tied to another.

    A person has 1 to 7 identifiers, all linked to the first one; half of the edges repeat others.
    """
    edges = millions * 1_000_000
    sizes = rng.integers(1, 8, edges // 6)
    first = np.cumsum(sizes) - sizes
    star = np.repeat(first, sizes)
    links = np.column_stack([star, np.arange(star.size)])
    household = rng.random(first.size - 1) < 0.02
    tied = np.column_stack([first[:-1][household], first[1:][household]])
    again = links[rng.integers(0, len(links), edges - len(links) - len(tied))]
    both = np.concatenate([links, tied, again])
    return both[:, 0], both[:, 1]


def chain_star(rng: np.random.Generator, _: int) -> tuple[Ids, Ids]:
    """A chain of a million nodes and a star of five million leaves."""
    chain = np.arange(1_000_000)
    leaves = np.arange(5_000_000) + chain.size + 1
    src = np.concatenate([chain[:-1], np.full(leaves.size, chain.size)])
    return src, np.concatenate([chain[1:], leaves])


def spread(numbers: Ids) -> Ids:
    """A bijection from small numbers to 64-bit ids."""
    words = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (words ^ (words >> np.uint64(29))).view(np.int64)


# ---- engines


def databank(budget: int) -> Engine:
    """databank's own engine; `budget` is the edges that one task may hold."""

    def run(edges: str, result: str, times: int) -> Iterator[float]:
        from databank.identity.components.solve import connected_components
        from databank.session import get_spark

        spark = get_spark("bench", **_event_log())
        _keep_log()
        for _ in range(times):
            started = time.monotonic()
            labels = connected_components(spark.read.parquet(edges), local_budget=budget)
            labels.write.mode("overwrite").parquet(result)
            yield time.monotonic() - started
        if events := os.environ.get("DATABANK_BENCH_EVENTS"):
            # Spark's tasks do not count what they read on behalf of Python
            jvm = spark._jvm
            assert jvm is not None
            schemes = jvm.org.apache.hadoop.fs.FileSystem.getAllStatistics()
            read = sum(each.getBytesRead() for each in schemes)
            Path(events, "read").write_text(str(read))

    return run


def _event_log() -> dict[str, str]:
    folder = os.environ.get("DATABANK_BENCH_EVENTS")
    if folder is None:
        return {}
    log = {"enabled": "true", "compress": "false", "dir": folder}
    options = {f"spark__eventLog__{key}": value for key, value in log.items()}
    # bytes that come by vectored reads are counted nowhere
    return options | {"spark__hadoop__parquet__hadoop__vectored__io__enabled": "false"}


def _keep_log() -> None:
    """What rounds say of themselves, a line each."""
    if folder := os.environ.get("DATABANK_BENCH_EVENTS"):
        log = logging.getLogger("databank.identity.components.rounds")
        log.setLevel(logging.INFO)
        log.addHandler(logging.FileHandler(Path(folder, "rounds")))


def graphframes(algorithm: str) -> Engine:
    """GraphFrames, with the jar that DATABANK_GRAPHFRAMES_JAR names."""

    def run(edges: str, result: str, times: int) -> Iterator[float]:
        from databank.identity.components.graphframes import graphframes_labels
        from databank.session import get_spark

        spark = get_spark("bench", spark__jars=os.environ["DATABANK_GRAPHFRAMES_JAR"])
        for _ in range(times):
            started = time.monotonic()
            given = spark.read.parquet(edges).toDF("id", "root")
            labels = graphframes_labels(given, algorithm=algorithm)
            labels.write.mode("overwrite").parquet(result)
            yield time.monotonic() - started

    return run


def duckdb(edges: str, result: str, times: int) -> Iterator[float]:
    """The loop that people write in SQL: each takes the smallest label around, until none can."""
    import duckdb as engine

    for _ in range(times):
        started = time.monotonic()
        db = engine.connect()
        db.sql(f"CREATE TABLE e AS SELECT src a, dst b FROM '{edges}/*.parquet'")
        db.sql(
            "CREATE TABLE around AS FROM e UNION SELECT b, a FROM e"
            " UNION SELECT a, a FROM e UNION SELECT b, b FROM e"
        )
        label_by_sql(db)
        db.sql(f"COPY l TO '{result}.duckdb' (FORMAT parquet)")
        db.close()
        yield time.monotonic() - started


def label_by_sql(db: Any) -> None:
    """Make l (id, component) of around (a, b): all edges both ways, and a loop for each id."""
    db.sql("CREATE TABLE l AS SELECT a AS id, min(b) AS component FROM around GROUP BY a")
    moved = 1
    while moved:
        db.sql(
            "CREATE OR REPLACE TABLE n AS SELECT a AS id, min(component) AS component"
            " FROM around JOIN l ON b = id GROUP BY a"
        )
        # a label may itself have a smaller label by now: paths halve
        db.sql(
            "CREATE OR REPLACE TABLE n AS SELECT n.id, l.component AS component"
            " FROM n JOIN l ON n.component = l.id"
        )
        counted = db.sql("SELECT count(*) FROM n JOIN l USING (id) WHERE n.component < l.component")
        moved = counted.fetchall()[0][0]
        db.sql("CREATE OR REPLACE TABLE l AS FROM n")


def scipy(edges: str, result: str, times: int) -> Iterator[float]:
    """The floor: all in memory, dense numbers by numpy, labels by scipy."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    for _ in range(times):
        started = time.monotonic()
        table = pq.read_table(edges)
        ends = np.concatenate([table["src"].to_numpy(), table["dst"].to_numpy()])
        ids, codes = np.unique(ends, return_inverse=True)
        pair = codes[: len(table)], codes[len(table) :]
        matrix = coo_matrix((np.ones(len(table), np.bool_), pair), shape=(ids.size, ids.size))
        count, label = connected_components(matrix, directed=False)
        smallest = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(smallest, label, ids)
        pq.write_table(pa.table({"id": ids, "component": smallest[label]}), f"{result}.scipy")
        yield time.monotonic() - started


# the floor first: the others are told as multiples of it
ENGINES: dict[str, Engine] = {
    "scipy": scipy,
    # local_edges of a machine that has 8 GB to spare
    "databank": databank(128_000_000),
    "databank, rounds only": databank(1_000_000),
    "duckdb": duckdb,
    "graphframes two_phase": graphframes("two_phase"),
    "graphframes randomized": graphframes("randomized_contraction"),
}


def main() -> None:
    engine, *rest = sys.argv[1:]
    if engine == "make":
        make(rest[0], Path(rest[1]))
        return
    edges, result, times = rest[0], rest[1], int(rest[2]) if len(rest) > 2 else 1
    print(json.dumps([round(seconds, 2) for seconds in ENGINES[engine](edges, result, times)]))


if __name__ == "__main__":
    main()
