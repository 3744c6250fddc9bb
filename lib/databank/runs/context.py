"""What a step is given, and what it gives back."""

from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import SparkSession

from databank.config import Settings
from databank.runs.history import LastRun
from databank.runs.progress import Progress
from databank.tables import Store, TableSpec

# behind the condition of an error of Spark
NOT_TAKEN = (
    "a value in the data cannot be taken by the expression; use try_cast, try_to_timestamp, "
    "try_divide or another try_ function, which give null instead"
)
# lines of the short table at the end of a job
Summary = dict[str, int | float | str]


@dataclass(frozen=True)
class StepResult:
    """What a step did, as lines of the short table at the end of a job."""

    summary: Summary = field(default_factory=dict)


@dataclass
class Context:
    """All that a step may use beside its own configuration.

    Attributes:
        spark: The session.
        store: The only door to tables.
        settings: conf/databank.yml.
        day: Run day; nothing later is seen, and no step asks what time it is.
        run_id: Unique id of this attempt.
        nodes: Names of the tags, models, audiences, lookalikes to build; empty = all.
        last: The last run of the same part that was done, None at the first.
        config_hash: Hash of what changes data in the configuration of this part.
        logic_version: Version of the job's logic; with another one its results may differ.
        only: The node that was asked for by name.
        superseded_by_other_part: Whether another part of the job has built some of the nodes since
            the last run of this one.
    """

    spark: SparkSession
    store: Store
    settings: Settings
    day: date
    run_id: str
    nodes: tuple[str, ...]
    last: LastRun | None
    config_hash: str
    progress: Progress
    logic_version: int = 1
    only: str | None = None
    superseded_by_other_part: bool = False
    metrics: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    expressions: list[tuple[str, str]] = field(default_factory=list)

    def metric(self, name: str, value: float, **labels: str) -> None:
        """Note one figure for ops.metric."""
        self.metrics.append((name, labels, float(value)))

    def place_of(self, expression: str) -> str:
        """Name the entries that have a part of an expression; '' where it is not known."""
        places = [place for place, text in self.expressions if expression and expression in text]
        return ", ".join(dict.fromkeys(places))

    def wants(self, node: str) -> bool:
        """Tell whether a tag, model, audience or lookalike is to be built in this part."""
        return not self.nodes or node in self.nodes

    @property
    def same_logic_as_last(self) -> bool:
        """Tell whether the last run of this part had the same configuration and logic."""
        return (
            self.last is not None
            and self.last.config_hash == self.config_hash
            and self.last.logic_version == self.logic_version
        )

    def last_read(self, table: TableSpec) -> int | None:
        """Version of a table that the last run of this part saw; None if there was none.

        None also after a change of configuration or logic: then all of it counts as new.
        """
        return (
            self.last.read.get(table.name)
            if self.last is not None and self.same_logic_as_last
            else None
        )
