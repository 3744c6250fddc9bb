"""Erased persons leave tables under either name of a person, and entities of their number stay."""

from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from databank.models.tables import SCORE
from databank.session import small_frame
from databank.tables import TableSpec
from databank.tables.erasure import ERASED_PERSON, remove_erased_persons
from databank.tags.tables import ENTITY_TAG, PERSON_TAG
from tests.support.bank import Bank


def test_scores_go_with_the_person_and_entities_of_that_number_stay(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    bank = Bank(spark_session, tmp_path)

    def rows(spec: TableSpec, *given: dict[str, Any]) -> Any:
        listed = [[row.get(column.name) for column in spec.columns] for row in given]
        return small_frame(spark_session, listed, spec.schema())

    bank.publish(
        {
            SCORE: rows(SCORE, *({"model": "churn", "entity_id": n} for n in (1, 2))),
            PERSON_TAG: rows(PERSON_TAG, *({"person_id": n, "tag": "spend"} for n in (1, 2))),
            ENTITY_TAG: rows(ENTITY_TAG, {"entity": "household", "entity_id": 1, "tag": "family"}),
            ERASED_PERSON: rows(ERASED_PERSON, {"person_id": 1}),
        }
    )
    bank.store.refresh()
    bank.store.start_run("20260131-any-1", (SCORE, PERSON_TAG, ENTITY_TAG))
    remove_erased_persons(bank.store, (SCORE, PERSON_TAG, ENTITY_TAG), None)
    left = [
        [row[0] for row in bank.store.read(spec).select(name).collect()]
        for spec, name in (
            (SCORE, "entity_id"),
            (PERSON_TAG, "person_id"),
            (ENTITY_TAG, "entity_id"),
        )
    ]
    assert left == [[2], [2], [1]]
