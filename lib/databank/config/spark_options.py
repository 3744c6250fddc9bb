"""Options of Spark that a configuration may give: those that tune it.

Others load code, run commands, change where data goes or what results mean. Who writes a
configuration is trusted with the bank and not with the machine; who types the command may give
them there.
"""

from collections.abc import Iterable

from databank.errors import DataBankError

# what ends with a point is a group
_TUNING = (
    *("spark.driver.memory", "spark.driver.memoryOverhead", "spark.driver.maxResultSize"),
    *("spark.driver.cores", "spark.executor.memory", "spark.executor.memoryOverhead"),
    *("spark.executor.cores", "spark.executor.instances", "spark.dynamicAllocation."),
    *("spark.memory.", "spark.default.parallelism", "spark.task.cpus", "spark.task.maxFailures"),
    *("spark.speculation", "spark.speculation.", "spark.locality.", "spark.network.timeout"),
    *("spark.local.dir", "spark.reducer.", "spark.shuffle.compress", "spark.shuffle.file.buffer"),
    *("spark.sql.shuffle.partitions", "spark.sql.adaptive.", "spark.sql.broadcastTimeout"),
    *("spark.sql.autoBroadcastJoinThreshold", "spark.sql.files.maxPartitionBytes"),
    *("spark.sql.files.openCostInBytes", "spark.sql.files.maxRecordsPerFile"),
    *("spark.sql.codegen.", "spark.sql.inMemoryColumnarStorage."),
    *("spark.sql.execution.arrow.maxRecordsPerBatch", "spark.databricks.delta.snapshotPartitions"),
    *("spark.databricks.delta.merge.", "spark.databricks.delta.optimize.", "spark.ui.enabled"),
    "spark.databank.scratch",
)

# what the command line of this process gave
_given: dict[str, str] = {}


def full_name(option: str) -> str:
    """Write an option with points; Python's keywords have double underscores for them."""
    return option.replace("__", ".")


def refuse_options(options: Iterable[str]) -> None:
    """Refuse options that a configuration may not give.

    Raises:
        ValueError: `what is wrong; what to do instead`.
    """
    for option in map(full_name, options):
        if not _is_tuning(option):
            raise ValueError(
                f"{option} is no option that tunes Spark: such options load code, or change where "
                "data goes or what results mean; remove it, or give it where the command is "
                f"typed: databank --spark {option}=... run ..."
            )


def note_given(options: Iterable[str]) -> None:
    """Note the options that the command line gives, KEY=VALUE each, for the session.

    Raises:
        DataBankError: If one is written otherwise.
    """
    _given.clear()
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key.startswith("spark."):
            raise DataBankError(f"--spark {key}: write an option of Spark, spark.name=value")
        _given[key] = value


def given_options() -> dict[str, str]:
    """Give the options of the command line."""
    return dict(_given)


def _is_tuning(option: str) -> bool:
    # such an option names code, whatever group it is of
    if option.lower().endswith(("class", "classes")):
        return False
    return any(
        option.startswith(each) if each.endswith(".") else option == each for each in _TUNING
    )
