"""What a stage is measured by: figures, and the truth of the generated world."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.tables import Store


@dataclass(frozen=True)
class Score:
    """One measured figure beside what it is compared with.

    Attributes:
        stage: What was measured.
        figure: Name of the figure.
        value: What databank reached.
        beside: What it is compared with, and its value; None where there is nothing.
    """

    stage: str
    figure: str
    value: float
    beside: tuple[str, float] | None = None


class Truth:
    """The generator's truth tables."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.identifier, self.person, self.future = (
            spark.read.parquet(f"{root}/truth/{name}.parquet")
            for name in ("identifier", "person", "future")
        )

    def own(self) -> DataFrame:
        """Select identifiers of one person alone: id_type, scope, id_value, true."""
        key = ["id_type", "scope", "id_value"]
        owners = self.identifier.groupBy(*key).agg(
            F.count_distinct("person").alias("owners"), F.first("person").alias("true")
        )
        return owners.where("owners = 1").select(*key, "true")


def person_map(store: Store, truth: Truth) -> DataFrame:
    """Name for each true person the person_id that has most of its identifiers: true, person_id.

    A person's other parts (a cookie that never logged in, say) are not judged: what becomes of
    them says nothing about the score of the person.
    """
    known = store.require("identity.identifier").join(truth.own(), ["id_type", "scope", "id_value"])
    held = known.join(persons_today(store), "id_key")
    counts = held.groupBy("person_id", "true").count()
    most = F.max_by("true", F.struct("count", -F.col("true"))).alias("true")
    owner = counts.groupBy("person_id").agg(most, F.sum("count").alias("size"))
    main = F.max_by("person_id", F.struct("size", -F.col("person_id"))).alias("person_id")
    return owner.groupBy("true").agg(main)


def persons_today(store: Store) -> DataFrame:
    """Select the ownership periods of identity.person that go on: a row an identifier."""
    return store.require("identity.person").where("valid_to IS NULL")
