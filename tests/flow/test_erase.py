"""A person asks to be erased: after the next run nothing knows anything of this person."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.cli.main import exit_code
from databank.project.catalog import all_tables
from databank.project.execute import execute
from databank.project.jobs import load_job
from databank.project.model import Project
from databank.project.plan import plan_all
from databank.tables import DeltaStore
from databank.tables.statistics import properties
from tests.flow.conftest import DAY, FIXED_DAY
from tests.support.search import holding

pytestmark = pytest.mark.nightly


ERASED_HERE = ("ingest", "resolve_identity", "build_archive", "score_model")


def total(store: DeltaStore) -> object:
    row = store.require("core.events").agg(F.count("*"), F.sum("amount"), F.sum("quantity")).first()
    return row and tuple(row)


def somebody(store: DeltaStore) -> tuple[int, str]:
    """A person with a phone, several identifiers and a score; and the phone."""
    scored = F.col("entity_id").alias("person_id")
    persons = store.require("models.score").select(scored).distinct()
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
    # the bank of a few persons is searched for the tables of all other jobs
    steps = [step for step in plan_all(project, None) if step.job in ERASED_HERE]
    outcomes = execute(project, steps, root=str(root), day=day)
    assert {outcome.outcome for outcome in outcomes} == {"done"}
    store = DeltaStore(spark_session, str(root))
    for spec in (spec for job in ERASED_HERE for spec in load_job(job).tables):
        if not store.is_published(spec):
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


# a person of the fixed bank; the last of all identifiers, so that statistics hold it
PERSON, USER = "13800000009", "user9"


def make_older(store: DeltaStore) -> None:
    """Have the logs of all tables as an older databank wrote them: statistics of all columns."""
    specs = [spec for spec in all_tables().values() if store.is_published(spec)]
    store.start_run("20260131-ingest-older", specs)
    for spec in specs:
        path, names = store.path(spec), ", ".join(f"'{name}'" for name in properties(spec))
        store.spark.sql(f"ALTER TABLE delta.`{path}` UNSET TBLPROPERTIES ({names})")
        rows = store.read(spec).localCheckpoint()
        rows.coalesce(1).write.format("delta").mode("overwrite").save(path)
        store.versions_written[spec.name] = store.newest_version(spec) or 0
        store.files.delete(f"{path}/_delta_log/_statistics")
    store.publish("older", FIXED_DAY)


def keys_of(store: DeltaStore) -> list[str]:
    """The keys of all identifiers of the person; who tries all phones finds the one of a key."""
    persons, names = store.require("identity.person"), store.require("identity.identifier")
    phone = names.where(F.col("id_value") == f"+86{PERSON}").select("id_key")
    own = persons.join(phone, "id_key").select("person_id")
    rows = persons.join(own, "person_id").select("id_key").distinct().collect()
    return [str(row["id_key"]).removeprefix("-") for row in rows]


def test_nothing_of_an_erased_person_is_left_in_any_file(
    spark_session: SparkSession, fixed_project: Project, fixed_bank: Path, tmp_path: Path
) -> None:
    root = tmp_path / "bank"
    shutil.copytree(fixed_bank, root)
    store = DeltaStore(spark_session, str(root))
    make_older(store)
    keys = keys_of(store)
    assert len(keys) >= 4
    values = [PERSON, USER, *keys]
    planted = holding(root, values)
    # the search finds the person in rows, logs and checksums of an older bank, and as it came
    places = {"/".join(name.split("/")[:2]) for name in planted[PERSON]}
    assert {"landing/crm.csv", "raw/record", "identity/identifier"} <= places
    in_logs = [name for name in planted[USER] if "/_delta_log/" in name]
    assert {Path(name).suffix for name in in_logs} >= {".json", ".crc"}
    for key in keys:
        assert {name.split("/")[1] for name in planted[key]} >= {"identifier", "person", "events"}
    command = ["erase", "phone", f"+86{PERSON}", "--person", "--date", str(FIXED_DAY)]
    conf = Path(__file__).parents[1] / "support" / "fixed_bank" / "conf"
    assert exit_code([*command, "--root", str(root), "--conf-dir", str(conf)]) == 0
    day = FIXED_DAY + timedelta(days=1)
    outcomes = execute(fixed_project, plan_all(fixed_project, None), root=str(root), day=day)
    assert {outcome.outcome for outcome in outcomes} == {"done"}
    # what the pages on erasure leave to the operator
    shutil.rmtree(root / "landing")
    check = "spark.databricks.delta.retentionDurationCheck.enabled"
    spark_session.conf.set(check, "false")
    for log in root.glob("*/*/_delta_log"):
        spark_session.sql(f"VACUUM delta.`{log.parent}` RETAIN 0 HOURS")
    spark_session.conf.unset(check)
    assert holding(root, values) == {value: set() for value in values}
