"""How many neighbours are usual, and how that is kept from day to day."""

from pyspark.sql import DataFrame, SparkSession

from databank.identity.exclusions.hubs import count_degrees, move_degrees, usual_degrees
from databank.session import small_frame


def test_degrees_follow_those_of_a_few(spark_session: SparkSession) -> None:
    def counted(*degrees: tuple[str, int]) -> DataFrame:
        rows = [(number, *row) for number, row in enumerate(degrees)]
        judged = small_frame(spark_session, rows, "key bigint, kind string, degree bigint")
        return count_degrees(judged)

    known = counted(("phone", 1), ("phone", 1), ("phone", 4), ("email", 2))
    moved = move_degrees(known, counted(("phone", 1), ("email", 2)), counted(("phone", 7)))
    found = sorted(tuple(row) for row in moved.collect())
    assert found == [("phone", 1, 1), ("phone", 4, 1), ("phone", 7, 1)]


def test_usual_is_what_99_of_100_keep(spark_session: SparkSession) -> None:
    rows = [("phone", 1, 980), ("phone", 3, 15), ("phone", 90, 5), ("email", 2, 1)]
    schema = "id_type string, neighbours bigint, identifiers bigint"
    usual = usual_degrees(small_frame(spark_session, rows, schema)).collect()
    assert {row["id_type"]: row["usual"] for row in usual} == {"phone": 3, "email": 2}
