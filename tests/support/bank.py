"""A small bank, in memory unless it has to lie on a disk: published tables, and runs of jobs."""

import shutil
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.archive.tables import PERSON_DAY
from databank.config import Settings
from databank.identity.tables import PERSON
from databank.project.catalog import all_tables
from databank.runs import Job, Outcome, Runner
from databank.runs.progress import Progress
from databank.tables import DeltaStore, Store, TableSpec
from databank.tables.ops import METRIC
from tests.support.frames import frame
from tests.support.memory_store import DAY, MemoryStore, publish_frames

__all__ = ["DAY", "Bank", "forget_runs", "make_bank"]


class Bank:
    """Published tables, and the jobs that are run on them, lease and records included.

    Args:
        spark: The session.
        root: Its folder.
        timezone: Of its days.
        on_disk: Whether its tables lie in Delta below the root, where commands find them; in
            memory they take a tenth of the time.
    """

    def __init__(
        self, spark: SparkSession, root: Path, timezone: str = "UTC", *, on_disk: bool = False
    ) -> None:
        self.spark, self.root = spark, str(root)
        self.settings = Settings(timezone=timezone)
        self.store: Store = (DeltaStore if on_disk else MemoryStore)(spark, self.root)

    def copy(self, root: Path) -> "Bank":
        """The same bank in another folder; what either writes from now on is its own."""
        if Path(self.root).exists():
            shutil.copytree(self.root, root)
        on_disk = isinstance(self.store, DeltaStore)
        copied = Bank(self.spark, root, self.settings.timezone, on_disk=on_disk)
        if isinstance(self.store, MemoryStore):
            copied.store = self.store.copy(root)
        return copied

    def to_disk(self) -> "Bank":
        """Its tables as they are published, in Delta below its root, where commands find them."""
        on_disk = Bank(self.spark, Path(self.root), self.settings.timezone, on_disk=True)
        self.store.refresh()
        specs = all_tables()
        on_disk.publish({specs[name]: self.store.require(name) for name in self.store.published})
        return on_disk

    def publish(
        self,
        tables: Mapping[TableSpec, DataFrame],
        *,
        day: date = DAY,
        added: Collection[TableSpec] = (),
        changed: Collection[TableSpec] = (),
    ) -> None:
        """Publish tables as their jobs would have; see `publish_frames`."""
        self.store.refresh()
        publish_frames(self.store, tables, day=day, added=added, changed=changed)

    def run(
        self,
        job: Job,
        config: Any,
        *,
        day: date = DAY,
        nodes: tuple[str, ...] = (),
        config_hash: str | None = None,
        only: str | None = None,
    ) -> Outcome:
        """Run a job, by default as if its configuration were new; an error is raised here."""
        self.store.refresh()
        runner = Runner(self.store, self.settings, progress=Progress(quiet=True))
        seen = config_hash or uuid4().hex
        outcome = runner.run(job, config, day=day, config_hash=seen, nodes=nodes, only=only)
        if outcome.error is not None:
            raise outcome.error
        return outcome

    def read(self, table: TableSpec) -> DataFrame:
        """What a reader sees."""
        self.store.refresh()
        # what a run has written is no more its own
        self.store.start_run("reader", ())
        return self.store.read(table)

    def rows(self, table: TableSpec, *columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        """Some columns of what a reader sees, sorted."""
        rows = self.read(table).where(where).select(*columns).collect()
        return sorted((tuple(row) for row in rows), key=repr)

    def metrics(self, name: str, label: str) -> dict[str, float]:
        """A figure of ops.metric by a label; the newest run's, should there be several."""
        metrics = self.store.ledger(METRIC)
        rows = [] if metrics is None else metrics.where(F.col("name") == name).collect()
        return {row["labels"][label]: row["value"] for row in rows}


def forget_runs(store: DeltaStore, *jobs: str) -> None:
    """Let jobs run as if they never had: what they made stays, that they made it is forgotten."""
    path = store.path("ops.run")
    runs = store.spark.read.format("delta").load(path)
    kept = runs.where(~F.col("job").isin(*jobs)).collect()
    again = store.spark.createDataFrame(kept, runs.schema).write.format("delta")
    # somebody else's commit would be refused
    again.option("userMetadata", "databank:forgetting").mode("overwrite").save(path)


def make_bank(
    spark: SparkSession, root: Path, *, persons: int, days: str, on_disk: bool = False
) -> Bank:
    """A bank with an archive.

    Args:
        spark: The session.
        root: An empty folder.
        persons: Persons 1..n, each with the identifier of the same number.
        days: `person | day | event | n | amount | terminal | dimension=value`, a line a row.
        on_disk: Whether its tables lie in Delta below the root.
    """
    bank = Bank(spark, root, on_disk=on_disk)
    schema = (
        "person_id bigint, day date, event string, n bigint, amount double, terminal string, "
        "dims_json string"
    )
    rows = frame(spark, schema, "\n".join(_padded(line) for line in days.strip().splitlines()))
    dims = F.str_to_map("dims_json", F.lit(";"), F.lit("="))
    # an empty text is no value
    dims = F.transform_values(dims, lambda _, value: F.nullif(value, F.lit("")))
    archive = rows.select(
        "person_id",
        "day",
        F.coalesce("terminal", F.lit("")).alias("terminal"),
        "event",
        F.coalesce("dims_json", F.lit("")).alias("dims_json"),
        F.when(F.col("dims_json").isNotNull(), dims).alias("dims"),
        "n",
        F.when(F.col("amount").isNotNull(), F.col("n")).otherwise(0).alias("amounts"),
        "amount",
        F.col("amount").alias("amount_max"),
        F.col("amount").alias("amount_min"),
    )
    ids = spark.range(1, persons + 1).select(
        F.col("id").alias("id_key"), F.col("id").alias("person_id")
    )
    bank.publish({PERSON: ids, PERSON_DAY: archive})
    return bank


def _padded(line: str) -> str:
    return line + " |" * (6 - line.count("|"))
