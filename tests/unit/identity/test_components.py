"""Connected components on Spark, against scipy."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components as scipy_components

from databank.errors import DataBankError, MissingColumnsError
from databank.identity import connected_components
from databank.identity.components import blocks, expand, rounds
from databank.identity.components.check import ComponentsCheckError, verify
from databank.identity.components.chunks import EdgeEndError
from databank.session import small_frame
from databank.session.shared import SCRATCH
from tests.support.frames import frame

EDGES = "src bigint, dst bigint"
HIGHEST = np.iinfo(np.int64).max


def shapes(rng: np.random.Generator) -> np.ndarray:
    """2,000 random graphs and all the awkward ones, on ids that no two of them share."""
    graphs = []
    for _ in range(2000):
        nodes = int(rng.integers(1, 40))
        graphs.append(rng.integers(0, nodes, (int(rng.integers(1, 60)), 2)))
    chain = np.arange(3000)
    graphs += [
        np.column_stack([chain[:-1], chain[1:]]),
        np.column_stack([np.zeros(3000, np.int64), chain]),
        np.column_stack([chain, np.full(3000, 2999)]),
        rng.integers(0, 2000, (4000, 2)),
        np.column_stack([rng.permutation(chain)[:-1], rng.permutation(chain)[1:]]),
        np.array([[0, 0]]),
        np.array([[0, 1], [1, 0], [0, 1], [1, 1]]),
    ]
    at, placed = 0, []
    for graph in graphs:
        placed.append(graph + at)
        at += int(graph.max()) + 1
    edges = np.concatenate(placed)
    # any 64-bit ids, the two ends of the range among them
    ids = np.unique(rng.integers(-HIGHEST, HIGHEST, at + 100))[: at - 2]
    ids = rng.permutation(np.concatenate([ids, [-HIGHEST - 1, HIGHEST]]))
    return rng.permutation(ids[edges])


def oracle(edges: np.ndarray) -> dict[int, int]:
    ids, codes = np.unique(edges, return_inverse=True)
    codes = codes.reshape(edges.shape)
    ones = np.ones(len(edges))
    matrix = coo_matrix((ones, (codes[:, 0], codes[:, 1])), shape=(ids.size, ids.size))
    _, label = scipy_components(matrix, directed=False)
    smallest = pd.Series(ids).groupby(label).transform("min")
    return dict(zip(ids.tolist(), smallest.tolist(), strict=True))


def labels_of(result: DataFrame) -> dict[int, int]:
    assert result.dtypes == [("id", "bigint"), ("component", "bigint")]
    rows = result.toPandas()
    assert rows["id"].is_unique
    return dict(zip(rows["id"].tolist(), rows["component"].tolist(), strict=True))


@pytest.fixture(scope="module")
def edges() -> np.ndarray:
    return shapes(np.random.default_rng(5))


@pytest.fixture
def small_batches(spark_session: SparkSession) -> Iterator[None]:
    """Tasks see a few hundred rows at a time, as they would see millions."""
    key = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark_session.conf.get(key)
    spark_session.conf.set(key, "300")
    yield
    spark_session.conf.set(key, before)


def on_spark(spark: SparkSession, edges: np.ndarray, *, partitions: int) -> DataFrame:
    rows = pd.DataFrame(edges, columns=["src", "dst"])
    return spark.createDataFrame(rows, EDGES).repartition(partitions)


def killed_once(edges: DataFrame) -> DataFrame:
    """The same edges, but the first worker of the first partition dies halfway."""

    def give(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        task = TaskContext.get()
        yield next(batches)
        if task is not None and task.partitionId() == 0 and task.attemptNumber() == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from batches

    return edges.mapInArrow(give, EDGES)


def dies_once(
    task: Callable[..., Iterator[pa.RecordBatch]],
) -> Callable[..., Iterator[pa.RecordBatch]]:
    """The same task, but the first worker of the fourth partition dies halfway."""

    def run(batches: Iterator[pa.RecordBatch], **given: int) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        for batch in task(batches, **given):
            yield batch
            if context is not None and context.partitionId() == 3 and not context.attemptNumber():
                os.kill(os.getpid(), signal.SIGKILL)

    return run


@pytest.mark.parametrize("partitions", [1, 3])
def test_components_are_those_of_scipy(
    spark_session: SparkSession, edges: np.ndarray, partitions: int
) -> None:
    given = on_spark(spark_session, edges, partitions=partitions)
    if partitions > 1:
        given = given.cache()
    assert labels_of(connected_components(given)) == oracle(edges)
    given.unpersist()


@pytest.mark.slow
@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    ("adaptive", "budget", "rows"),
    [
        pytest.param("true", 0, 2_000_000, marks=pytest.mark.nightly),
        ("false", 2000, 12_000),
    ],
)
def test_contraction_rounds_find_the_same_components(
    spark_session: SparkSession,
    edges: np.ndarray,
    adaptive: str,
    budget: int,
    rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "SLICE", rows)
    before = str(spark_session.conf.get("spark.sql.adaptive.enabled"))
    spark_session.conf.set("spark.sql.adaptive.enabled", adaptive)
    try:
        # rounds of batches as small as these take a minute on all of them
        given = on_spark(spark_session, edges[:30_000], partitions=4)
        result = connected_components(given, local_budget=budget)
        assert labels_of(result) == oracle(edges[:30_000])
    finally:
        spark_session.conf.set("spark.sql.adaptive.enabled", before)


@pytest.mark.usefixtures("small_batches")
def test_a_killed_worker_changes_nothing(spark_session: SparkSession, edges: np.ndarray) -> None:
    given = killed_once(on_spark(spark_session, edges[:20_000], partitions=2))
    assert labels_of(connected_components(given)) == oracle(edges[:20_000])


@pytest.mark.nightly
@pytest.mark.usefixtures("small_batches")
def test_a_worker_killed_in_each_round_and_on_the_way_back_changes_nothing(
    spark_session: SparkSession, edges: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((rounds, "_choose"), (expand, "_answer"), (expand, "_apply_first")):
        monkeypatch.setattr(module, name, dies_once(getattr(module, name)))
    given = on_spark(spark_session, edges[:20_000], partitions=2)
    result = connected_components(given, local_budget=5000)
    assert labels_of(result) == oracle(edges[:20_000])


@pytest.mark.usefixtures("small_batches")
def test_a_fault_in_a_task_is_told_as_what_it_is(
    spark_session: SparkSession, edges: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = expand._answer

    def wrong(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for each in blocks.read_blocks(task(batches)):
            labels = np.roll(each.partners, 1)
            yield from blocks.write_blocks(
                each.ids, labels, part=each.part, kind=each.kind, origin=each.origin, at=each.at
            )

    monkeypatch.setattr(expand, "_answer", wrong)
    given = on_spark(spark_session, edges[:5000], partitions=2)
    with pytest.raises(ComponentsCheckError, match="an edge between two labels"):
        connected_components(given, local_budget=500)


@pytest.mark.usefixtures("small_batches")
def test_repeated_edges_are_reduced_before_they_meet(spark_session: SparkSession) -> None:
    edges = np.random.default_rng(3).integers(0, 200, (20_000, 2))
    result = connected_components(on_spark(spark_session, edges, partitions=2), local_budget=1000)
    assert labels_of(result) == oracle(edges)


@pytest.mark.skipif(
    "DATABANK_GRAPHFRAMES_JAR" not in os.environ,
    reason="DATABANK_GRAPHFRAMES_JAR names no jar of GraphFrames",
)
def test_graphframes_finds_the_same_components(
    spark_session: SparkSession, edges: np.ndarray
) -> None:
    given = on_spark(spark_session, edges, partitions=2)
    assert labels_of(connected_components(given, engine="graphframes")) == oracle(edges)


def test_graphframes_without_its_jar_is_refused(spark_session: SparkSession) -> None:
    if "DATABANK_GRAPHFRAMES_JAR" in os.environ:
        pytest.skip("DATABANK_GRAPHFRAMES_JAR names a jar")
    edges = frame(spark_session, EDGES, "1 | 2")
    with pytest.raises(DataBankError, match=r"not on the class path; add it to spark\.jars"):
        connected_components(edges, engine="graphframes")


def test_columns_may_have_any_names(spark_session: SparkSession) -> None:
    edges = frame(spark_session, "a bigint, n int, b bigint", "3 | 1 | 2\n 9 | 1 | 9")
    result = connected_components(edges, src="a", dst="b")
    assert labels_of(result) == {2: 2, 3: 2, 9: 9}


def test_no_edges_give_no_labels(spark_session: SparkSession) -> None:
    nothing = small_frame(spark_session, [], EDGES)
    assert labels_of(connected_components(nothing)) == {}


@pytest.mark.parametrize("budget", [-1, 2**31])
def test_a_budget_that_no_task_can_hold_is_refused(
    spark_session: SparkSession, budget: int
) -> None:
    with pytest.raises(ValueError, match="local_budget is"):
        connected_components(small_frame(spark_session, [], EDGES), local_budget=budget)


def test_a_null_end_is_refused_with_its_column_and_count(spark_session: SparkSession) -> None:
    edges = frame(spark_session, EDGES, "1 | 2\n 3 |\n 4 |")
    with pytest.raises(EdgeEndError, match=r"dst in 2 rows"):
        connected_components(edges)


def test_an_end_that_is_not_bigint_is_named_with_its_type(spark_session: SparkSession) -> None:
    with pytest.raises(EdgeEndError, match="dst is int"):
        connected_components(frame(spark_session, "src bigint, dst int", "1 | 2"))


def test_a_missing_column_is_named(spark_session: SparkSession) -> None:
    with pytest.raises(MissingColumnsError, match="dst"):
        connected_components(frame(spark_session, "src bigint", "1"))


def test_only_the_result_stays_in_the_scratch_folder(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    edges = frame(spark_session, EDGES, "1 | 2\n 2 | 3\n 5 | 5")
    connected_components(edges, scratch=str(tmp_path), local_budget=0)
    assert [path.name for path in tmp_path.glob("*/*")] == ["labels-0"]


def test_nothing_stays_in_the_scratch_folder_after_an_error(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    spark_session.conf.set(SCRATCH, str(tmp_path))
    try:
        with pytest.raises(EdgeEndError):
            connected_components(frame(spark_session, EDGES, "1 |"))
    finally:
        spark_session.conf.unset(SCRATCH)
    assert list(tmp_path.iterdir()) == []


WRONG = {
    "an id without a label": ("1 | 1\n 2 | 1\n 3 | 1", "ids without"),
    "an id labelled twice": ("1 | 1\n 2 | 1\n 3 | 1\n 3 | 1\n 9 | 9", "ids without"),
    "an id that no edge has": ("1 | 1\n 2 | 1\n 3 | 1\n 8 | 8\n 9 | 9", "ids without"),
    "an edge cut": ("1 | 1\n 2 | 1\n 3 | 3\n 9 | 9", "edges between"),
    "a label that is not the smallest": ("1 | 2\n 2 | 2\n 3 | 2\n 9 | 9", "not the smallest"),
    "a label that is no member": ("1 | 0\n 2 | 0\n 3 | 0\n 9 | 9", "not the smallest"),
    "the label of another component": ("1 | 1\n 2 | 1\n 3 | 1\n 9 | 2", "not the smallest"),
}


@pytest.mark.parametrize("name", WRONG)
def test_labels_of_another_engine_are_checked(spark_session: SparkSession, name: str) -> None:
    text, message = WRONG[name]
    edges = frame(spark_session, "id bigint, root bigint", "2 | 1\n 3 | 2\n 9 | 9")
    labels = frame(spark_session, "id bigint, component bigint", text)
    with pytest.raises(ComponentsCheckError, match=message):
        verify(edges, labels)


def test_the_check_passes_what_is_right(spark_session: SparkSession) -> None:
    edges = frame(spark_session, "id bigint, root bigint", "2 | 1\n 3 | 2\n 9 | 9")
    labels = frame(spark_session, "id bigint, component bigint", "1 | 1\n 2 | 1\n 3 | 1\n 9 | 9")
    verify(edges, labels)
