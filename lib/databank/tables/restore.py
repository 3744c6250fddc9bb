"""A table brought back to its published version: what a crashed, refused or undone run wrote."""

from collections.abc import Mapping

from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from databank.errors import DataBankError, ForeignCommitError
from databank.tables.files import Files

COMMIT_PREFIX = "databank:"  # commits of databank carry this and the run id as userMetadata


def restore(
    spark: SparkSession, files: Files, path: str, name: str, published: Mapping[str, int]
) -> None:
    """Bring a table back to its published version, unless it is there already.

    One that has not been published is removed.

    Raises:
        ForeignCommitError: If somebody else committed to the table since.
        DataBankError: If a published table is gone.
    """
    wanted, last = published.get(name), files.last_version(path)
    if last is None:
        if wanted is not None:
            raise DataBankError(
                f"{name}: published at version {wanted}, but nothing lies at {path}; "
                "bring the files back, or start with an empty root"
            )
        return
    since = -1 if wanted is None else wanted
    commits = [files.commit(path, v) for v in range(since + 1, last + 1)]
    for commit in commits:
        if not (commit.run_id or "").startswith(COMMIT_PREFIX):
            raise ForeignCommitError(name, commit.version, commit.operation, since)
    if wanted is None:
        files.delete(path)
    elif commits and commits[-1].restored != wanted:
        DeltaTable.forPath(spark, path).restoreToVersion(wanted)
