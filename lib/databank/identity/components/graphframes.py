"""The other engine: GraphFrames' connected components, where its jar is on the class path."""

from pyspark.sql import DataFrame, functions as F

from databank.errors import DataBankError

_API = "org.graphframes.GraphFramePythonAPI"


def graphframes_labels(edges: DataFrame, *, algorithm: str = "two_phase") -> DataFrame:
    """Label every id with the smallest id it is connected to.

    Args:
        edges: id, root (bigint): the ends of each edge.
        algorithm: Of GraphFrames: two_phase or randomized_contraction.

    Returns:
        id (bigint, unique), component (bigint, the smallest id in it).

    Raises:
        DataBankError: If the jar is not on the class path.
    """
    from graphframes import GraphFrame

    _require_jar(edges)
    ids = edges.select(F.explode(F.array("id", "root")).alias("id")).distinct()
    graph = GraphFrame(ids, edges.toDF("src", "dst"))
    # -1: joins are left to adaptive execution, which its authors recommend
    labels: DataFrame = graph.connectedComponents(
        algorithm=algorithm, broadcastThreshold=-1, use_local_checkpoints=True
    )
    # its labels differ by algorithm, and need not be the smallest ids
    lowest = labels.groupBy("component").agg(F.min("id").alias("lowest"))
    return labels.join(lowest, "component").select("id", F.col("lowest").alias("component"))


def _require_jar(edges: DataFrame) -> None:
    jvm = edges.sparkSession._jvm
    assert jvm is not None
    try:
        jvm.Thread.currentThread().getContextClassLoader().loadClass(_API)
    except Exception as error:
        raise DataBankError(
            "identity.yml: engine: graphframes: its jar is not on the class path; add it to "
            "spark.jars (io.graphframes:graphframes-spark4_2.13), or take engine: databank"
        ) from error
