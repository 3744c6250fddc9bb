"""A person asks to be erased: after the next run no table knows anything of this person."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.cli.main import exit_code
from databank.project.catalog import all_tables
from databank.project.execute import execute
from databank.project.model import Project
from databank.project.plan import plan_all
from databank.tables import DeltaStore
from tests.flow.conftest import DAY

pytestmark = pytest.mark.nightly


def total(store: DeltaStore) -> object:
    row = store.require("core.events").agg(F.count("*"), F.sum("amount"), F.sum("quantity")).first()
    return row and tuple(row)


def somebody(store: DeltaStore) -> tuple[int, str]:
    """A person with a phone, several identifiers and rows in the later tables; and the phone."""
    persons = store.require("audiences.member").select("person_id").distinct()
    for table in ("lifecycle.rfm", "lookalike.member"):
        persons = persons.join(store.require(table).select("person_id").distinct(), "person_id")
    held = store.require("identity.person").where("valid_from IS NULL AND valid_to IS NULL")
    names = held.join(store.require("identity.identifier"), "id_key").groupBy("person_id")
    phone = F.min(F.when(F.col("id_type") == "phone", F.col("id_value"))).alias("phone")
    named = names.agg(phone, F.count("*").alias("n")).where("phone IS NOT NULL AND n > 3")
    row = named.join(persons, "person_id").orderBy("person_id").first()
    assert row is not None
    return row["person_id"], row["phone"]


def naming(rows: DataFrame, values: list[str]) -> int:
    """Rows in which a text names one of the values, however a phone is written."""
    texts = [n for n, kind in rows.dtypes if kind in ("string", "map<string,string>")]
    whole = F.lower(F.to_json(F.struct(*texts)))
    plain = F.regexp_replace(whole, r"[\s()+-]", "")
    named = [F.contains(whole, F.lit(v.lower())) | F.contains(plain, F.lit(v)) for v in values]
    return rows.where(F.greatest(*named)).count()


def test_a_person_is_erased_by_the_next_run(
    spark_session: SparkSession,
    project: Project,
    loop: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "bank"
    shutil.copytree(loop, root)
    store = DeltaStore(spark_session, str(root))
    person, phone = somebody(store)
    before, persons = total(store), store.require("identity.person").select("person_id").distinct()
    others = persons.where(F.col("person_id") != person).localCheckpoint()
    names = store.require("identity.person").where(F.col("person_id") == person)
    names = names.join(store.require("identity.identifier"), "id_key").select("id_value", "id_key")
    held = {row["id_value"]: row["id_key"] for row in names.collect()}
    values = [v.removeprefix("+86") for v in held]
    assert naming(store.require("raw.record"), values) > 0
    command = [
        "erase",
        "phone",
        phone,
        "--person",
        "--date",
        str(DAY),
        "--root",
        str(root),
        "--json",
    ]
    assert exit_code(command) == 0
    assert f"{len(held)} identifiers" in json.loads(capsys.readouterr().out)[0]["title"]
    day = DAY + timedelta(days=1)
    outcomes = execute(project, plan_all(project, None), root=str(root), day=day)
    assert {outcome.outcome for outcome in outcomes} == {"done"}
    store = DeltaStore(spark_session, str(root))
    for spec in all_tables().values():
        if spec.owner == "runner" or not store.is_published(spec):
            continue
        rows = store.read(spec)
        assert naming(rows, values) == 0, spec.name
        # what became of persons is told by number, and who asked to be erased is not taken in again
        kept = ("changes", "erasure_request", "erased_identifier", "erased_person")
        if spec.name in {f"identity.{name}" for name in kept}:
            continue
        # the number of a household may be the person's, too
        person_columns = {"person_id"} if "entity" in rows.columns else {"person_id", "entity_id"}
        for column in person_columns & set(rows.columns):
            assert rows.where(F.col(column) == person).isEmpty(), spec.name
        for column in {"id_key", "a_key", "b_key"} & set(rows.columns):
            assert rows.where(F.col(column).isin(*held.values())).isEmpty(), spec.name
    # nobody else has lost anything
    now = store.require("identity.person").select("person_id").distinct()
    assert {row[0] for row in now.collect()} == {row[0] for row in others.collect()}
    assert total(store) == before
    assert exit_code(["person", "phone", phone, "--root", str(root)]) == 2
    assert "phone" in capsys.readouterr().err
