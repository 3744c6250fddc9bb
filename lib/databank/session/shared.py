"""What driver and workers share: a folder, and frames that no worker takes along when it dies."""

import tempfile

from pyspark.sql import DataFrame, Observation, SparkSession, functions as F

from databank.errors import DataBankError

SCRATCH = "spark.databank.scratch"
_SHORT = 2_000_000  # keys: some tens of megabytes in each worker


def shared_folder(spark: SparkSession) -> str:
    """Give the session's scratch, else (where driver and workers share a disk) the temp folder.

    Raises:
        DataBankError: If workers are elsewhere and no shared path was named.
    """
    named = spark.conf.get(SCRATCH, None)
    if named:
        return named.rstrip("/")
    if not _is_embedded(spark):
        raise DataBankError(
            f"{SCRATCH}: not set, and workers on other machines cannot read this one's temp "
            "folder; set it to a path that all workers share, or pass scratch="
        )
    return tempfile.gettempdir()


def checkpoint(frame: DataFrame) -> DataFrame:
    """Compute a frame now and once, and cut its lineage.

    In one process its rows stay in memory and on the local disk. On a cluster an executor would
    take them along when it is lost, and the job would end: there they go to the folder that
    `keep_checkpoints` named (a run does), else below `shared_folder`, where they stay.

    Raises:
        DataBankError: As `shared_folder` does, where no folder was named before.
    """
    spark = frame.sparkSession
    if _is_embedded(spark):
        return frame.localCheckpoint()
    if spark.sparkContext.getCheckpointDir() is None:
        keep_checkpoints(spark, shared_folder(spark))
    return frame.checkpoint()


def checkpoint_counted(frame: DataFrame) -> tuple[DataFrame, int]:
    """Compute a frame of keys now and once, as `checkpoint` does, and count its rows meanwhile.

    Spark takes what a checkpoint holds for endless, and would shuffle the long side of a join: a
    short frame comes back with the hint to broadcast it.
    """
    observed = Observation()
    count = F.count(F.lit(1)).alias("rows")
    computed = checkpoint(frame.observe(observed, count))
    rows = int(observed.get["rows"])
    return (F.broadcast(computed) if rows <= _SHORT else computed), rows


def checkpoint_keys(frame: DataFrame) -> DataFrame:
    """Compute a frame of keys now and once; joins broadcast it if it is short."""
    return checkpoint_counted(frame)[0]


def keep_checkpoints(spark: SparkSession, folder: str) -> None:
    """From now on checkpoints of a cluster go under this folder; who names it removes it."""
    if not _is_embedded(spark):
        spark.sparkContext.setCheckpointDir(folder)


def _is_embedded(spark: SparkSession) -> bool:
    # the session's own settings may say anything
    master = spark.sparkContext.master or ""
    return master == "local" or master.startswith("local[")
